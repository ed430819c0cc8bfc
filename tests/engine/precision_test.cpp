#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <numeric>
#include <string>
#include <tuple>
#include <vector>

#include "sapiens/checkpoint.hpp"
#include "sapiens/error.hpp"
#include "sapiens/features.hpp"
#include "sapiens/machine.hpp"
#include "support/golden.hpp"
#include "support/scratch.hpp"

namespace sapiens {
namespace {

/// How far tokens [.., C] are from what they should be.
struct Closeness {
  double rel_l2 = 0, mean_cosine = 0, worst_cosine = 1;
};

Closeness closeness(const FloatArray& actual, const FloatArray& expected) {
  const std::size_t width = static_cast<std::size_t>(expected.shape.back());
  const std::size_t tokens = expected.values.size() / width;
  Closeness result;
  double error = 0, norm = 0;
  for (std::size_t t = 0; t < tokens; ++t) {
    double aa = 0, ee = 0, ae = 0;
    for (std::size_t i = t * width; i < (t + 1) * width; ++i) {
      const double a = actual.values[i], e = expected.values[i];
      aa += a * a;
      ee += e * e;
      ae += a * e;
      error += (a - e) * (a - e);
    }
    norm += ee;
    const double cosine = ae / std::sqrt(aa * ee);
    result.mean_cosine += cosine / static_cast<double>(tokens);
    result.worst_cosine = std::min(result.worst_cosine, cosine);
  }
  result.rel_l2 = std::sqrt(error / norm);
  return result;
}

Closeness measure(const Golden& golden, const std::string& isa, Precision precision) {
  const bool told = golden.facts().value("family", "sapiens") == "sapiens";
  Encoder encoder(Checkpoint::open(golden.file(golden.facts()["checkpoint"])),
                  told ? golden.options() : ModelOptions(), {.isa = isa, .precision = precision});
  const FloatArray input = golden.array("input");
  const auto features = encoder.run(input.view<4>(), {.out_types = {OutType::Raw}});
  return closeness(features.layers.at(0).values, golden.array("raw"));
}

using Setting = std::tuple<std::string, std::string>;

class PrecisionParity : public testing::TestWithParam<Setting> {
 protected:
  void SetUp() override {
    const auto levels = kernel_levels();
    if (std::find(levels.begin(), levels.end(), isa_) == levels.end()) {
      GTEST_SKIP() << "this CPU has no " << isa_;
    }
  }

  const std::string isa_ = std::get<0>(GetParam());
  const std::string case_ = std::get<1>(GetParam());
  const Golden golden_{case_};
};

// What PyTorch's bf16 is away from float64, by measure_bf16.py and measure_bf16_sapiens2.py.
nlohmann::json pytorchs_bf16(const std::string& name) {
  const char* const file =
      name.starts_with("sapiens2") ? "bf16_pytorch_sapiens2.json" : "bf16_pytorch.json";
  return nlohmann::json::parse(
      std::ifstream(std::string(SAPIENS_TEST_DATA) + "/golden/" + file))[name];
}

// We keep the residual stream in fp32, so we ought to be nearer.
TEST_P(PrecisionParity, Bf16IsAsCloseAsPyTorchs) {
  const Closeness ours = measure(golden_, isa_, Precision::Bf16);
  RecordProperty("rel_l2", std::to_string(ours.rel_l2));
  EXPECT_LE(ours.rel_l2, 1.1 * pytorchs_bf16(case_)["rel_l2"].get<double>());
  EXPECT_GE(ours.mean_cosine, 0.9999);
  EXPECT_GE(ours.worst_cosine, 0.999);
}

// 8 bits leave a step of 1/127 of the largest number of a row: about 0.7 % of noise per layer.
TEST_P(PrecisionParity, Int8KeepsTheDirectionOfEveryToken) {
  const Closeness ours = measure(golden_, isa_, Precision::Int8);
  RecordProperty("mean_cosine", std::to_string(ours.mean_cosine));
  EXPECT_GE(ours.mean_cosine, 0.999);
  EXPECT_GE(ours.worst_cosine, 0.995);
}

INSTANTIATE_TEST_SUITE_P(Golden, PrecisionParity,
                         testing::Combine(testing::Values("reference", "avx2", "avx512", "amx"),
                                          testing::Values("encoder_sq128", "encoder_rect_80x112",
                                                          "encoder_batch2", "sapiens2_sq128",
                                                          "sapiens2_depth18", "sapiens2_head64")),
                         [](const auto& setting) {
                           return std::get<0>(setting.param) + "_" + std::get<1>(setting.param);
                         });

TEST(Precision, IsRecorded) {
  const Golden golden("encoder_sq128");
  const Checkpoint checkpoint = Checkpoint::open(golden.file("encoder_clean.pth"));
  const auto precision = [&](Precision wanted, const std::string& isa = {}) {
    return Encoder(checkpoint, golden.options(), {.isa = isa, .precision = wanted})
        .stats()
        .precision;
  };
  EXPECT_EQ(precision(Precision::Fp32), "fp32");
  EXPECT_EQ(precision(Precision::Bf16), "bf16");
  EXPECT_EQ(precision(Precision::Int8), "int8");
  EXPECT_EQ(precision(Precision::Auto, "reference"), "fp32");
}

// The numbers of a 16-bit file are kept as they are, and computed with as if they were floats.
TEST(Precision, Fp32FromSixteenBitStorageIsTheSameBitByBit) {
  const Golden golden("encoder_sq128");
  const Scratch scratch;
  for (const DType dtype : {DType::BF16, DType::F16}) {
    SCOPED_TRACE(dtype_name(dtype));
    const std::string narrow = scratch / "narrow.pth", wide = scratch / "wide.pth";
    convert_checkpoint(Checkpoint::open(golden.file("encoder_clean.pth")), narrow,
                       {.dtype = dtype, .model = golden.options()});
    convert_checkpoint(Checkpoint::open(narrow), wide,
                       {.dtype = DType::F32, .model = golden.options()});
    const FloatArray input = golden.array("input");
    for (const std::string& isa : kernel_levels()) {
      const EngineOptions engine{.isa = isa, .precision = Precision::Fp32};
      Encoder small(Checkpoint::open(narrow), golden.options(), engine);
      Encoder large(Checkpoint::open(wide), golden.options(), engine);
      EXPECT_EQ(small.run(input.view<4>()).layers.at(0).values.values,
                large.run(input.view<4>()).layers.at(0).values.values)
          << isa;
      EXPECT_LT(small.stats().weight_bytes, large.stats().weight_bytes * 3 / 4) << isa;
    }
  }
}

}  // namespace
}  // namespace sapiens

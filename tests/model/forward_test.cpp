#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <numeric>
#include <string>
#include <tuple>
#include <vector>

#include "core/thread_pool.hpp"
#include "core/workspace.hpp"
#include "kernels/select.hpp"
#include "model/allocations.hpp"
#include "model/encoder.hpp"
#include "support/function_source.hpp"
#include "support/random_numbers.hpp"
#include "support/sanitizers.hpp"
#include "support/tile_emulator.hpp"

namespace sapiens {
namespace {

// Three blocks of an encoder with random weights.
class SmallEncoder {
 public:
  SmallEncoder(const KernelTable& kernels, Precision precision, int threads)
      : pool_(threads), ops_(kernels, pool_, precision) {
    const FunctionSource source([](const std::string& key, Index first, std::span<float> out) {
      const auto seed = static_cast<unsigned>(std::hash<std::string>()(key) + first);
      const auto values = random_normal(std::ssize(out), {.deviation = 0.05f, .seed = seed});
      std::copy(values.begin(), values.end(), out.begin());
    });
    layers_ = load_encoder(config_, source, ops_).layers;
  }

  Index tokens() const { return config_.tokens(); }

  // The tokens after the last block, normalised: [batch, tokens, width].
  void run(const std::vector<float>& images, std::vector<float>& tokens, Workspace& ws) const {
    const Index batch = std::ssize(images) / kImage;
    tokens.resize(static_cast<std::size_t>(batch * config_.tokens() * config_.width));
    const EncoderTap tap{.layer = config_.depth - 1,
                         .norm = true,
                         .tokens = {tokens.data(), {batch, config_.tokens(), config_.width}}};
    views_.clear();
    for (Index i = 0; i < batch; ++i) {
      views_.push_back({images.data() + i * kImage, {3, kSide, kSide}});
    }
    encoder().forward(views_, positions(), {&tap, 1}, ws);
  }

  std::vector<float> run(const std::vector<float>& images) const {
    std::vector<float> tokens;
    Workspace ws(workspace_bytes(images));
    run(images, tokens, ws);
    return tokens;
  }

  // The masked pass of one image, with every patch kept.
  std::vector<float> run_masked(const std::vector<float>& image) const {
    std::vector<Index> kept(static_cast<std::size_t>(config_.grid.patches()));
    std::iota(kept.begin(), kept.end(), Index{0});
    std::vector<float> tokens(static_cast<std::size_t>(config_.tokens() * config_.width));
    const auto forward = [&](Workspace& ws) {
      encoder().forward_masked({image.data(), {3, kSide, kSide}}, positions(), kept,
                               {tokens.data(), {config_.tokens(), config_.width}}, ws);
    };
    Workspace ws(measured_bytes(forward));
    forward(ws);
    return tokens;
  }

  std::size_t workspace_bytes(const std::vector<float>& images) const {
    std::vector<float> tokens;
    return measured_bytes([&](Workspace& ws) { run(images, tokens, ws); });
  }

  static constexpr Index kSide = 80, kImage = 3 * kSide * kSide;

 private:
  ConstMatrix positions() const {
    std::vector<float> unused;  // the grid is that of the model
    return layers_->positions(config_.grid, unused);
  }
  EncoderNetwork encoder() const { return {config_, *layers_, ops_}; }

  EncoderConfig config_{.width = 128,
                        .depth = 3,
                        .heads = 2,
                        .mlp_width = 512,
                        .cls_token = true,
                        .grid = {kSide / kPatch, kSide / kPatch}};
  ThreadPool pool_;
  Ops ops_;
  std::unique_ptr<EncoderLayers> layers_;
  mutable std::vector<TensorView<const float, 3>> views_;  // kept, so that a run allocates nothing
};

using Setting = std::tuple<std::string_view, Precision>;

class Forward : public testing::TestWithParam<Setting> {
 protected:
  void SetUp() override {
    const auto [level, precision] = GetParam();
    const CpuFeatures& cpu = tested_cpu();
    const auto levels = available_levels(cpu);
    if (std::find(levels.begin(), levels.end(), level) == levels.end()) {
      GTEST_SKIP() << "this CPU has no " << level;
    }
    kernels_ = select_kernels(cpu, level).table;
    precision_ = precision;
  }

  SmallEncoder encoder(int threads) const { return {kernels_, precision_, threads}; }

  KernelTable kernels_;
  Precision precision_ = Precision::Fp32;
  std::vector<float> images_ = random_normal(3 * SmallEncoder::kImage, {.seed = 5});
};

TEST_P(Forward, GivesTheSameBitsOnAnyNumberOfThreads) {
  const std::vector<float> alone = encoder(1).run(images_);
  for (const int threads : {2, 5}) EXPECT_EQ(encoder(threads).run(images_), alone) << threads;
}

TEST_P(Forward, GivesAnImageTheSameBitsInAnyBatch) {
  const SmallEncoder model = encoder(2);
  const std::vector<float> together = model.run(images_);
  const auto third = std::ssize(together) / 3;
  for (Index i = 0; i < 3; ++i) {
    const auto image = images_.begin() + i * SmallEncoder::kImage;
    const std::vector<float> alone = model.run({image, image + SmallEncoder::kImage});
    EXPECT_TRUE(std::equal(alone.begin(), alone.end(), together.begin() + i * third)) << i;
  }
}

TEST_P(Forward, GivesTheSameBitsWhereTheMaskHidesNothing) {
  const SmallEncoder model = encoder(2);
  const std::vector<float> image(images_.begin(), images_.begin() + SmallEncoder::kImage);
  EXPECT_EQ(model.run_masked(image), model.run(image));
}

long page_faults() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_minflt;
}

TEST_P(Forward, NeitherAllocatesNorFaultsWhenWarm) {
  if (kUnderSanitizer) GTEST_SKIP() << "sanitizers allocate and touch memory of their own";
  const SmallEncoder model = encoder(2);
  const std::vector<float> image(images_.begin(), images_.begin() + SmallEncoder::kImage);
  Workspace ws(model.workspace_bytes(image));
  std::vector<float> tokens;
  model.run(image, tokens, ws);  // touches everything once
  long fewest_faults = 1000;
  for (int pass = 0; pass < 3; ++pass) {  // the system may take a page away now and then
    const long allocated = allocations(), faults = page_faults();
    model.run(image, tokens, ws);
    EXPECT_EQ(allocations() - allocated, 0);
    fewest_faults = std::min(fewest_faults, page_faults() - faults);
  }
  EXPECT_EQ(fewest_faults, 0);
}

// What the tokens of all images are off by from those of the reference in fp32, in the L2 norm.
double distance_from_fp32(const KernelTable& kernels, Precision precision,
                          const std::vector<float>& images) {
  const KernelTable reference = select_kernels(tested_cpu(), "reference").table;
  const auto exact = SmallEncoder(reference, Precision::Fp32, 2).run(images);
  const auto tokens = SmallEncoder(kernels, precision, 2).run(images);
  double error = 0, norm = 0;
  for (std::size_t i = 0; i < exact.size(); ++i) {
    error += (double{tokens[i]} - exact[i]) * (double{tokens[i]} - exact[i]);
    norm += double{exact[i]} * exact[i];
  }
  return std::sqrt(error / norm);
}

// The reference rounds operands as every level does, and computes exactly between.
TEST_P(Forward, IsAsCloseToFp32AsThePrecisionAllows) {
  const KernelTable reference = select_kernels(tested_cpu(), "reference").table;
  const double best = distance_from_fp32(reference, precision_, images_);
  const double rounding = 1e-6;  // of fp32
  EXPECT_LE(distance_from_fp32(kernels_, precision_, images_), 1.1 * best + rounding);
}

std::string name_of(const testing::TestParamInfo<Setting>& setting) {
  const auto [level, precision] = setting.param;
  return std::string(level) + "_" + std::string(precision_name(precision));
}

INSTANTIATE_TEST_SUITE_P(Isa, Forward,
                         testing::Combine(testing::Values("reference", "avx2", "avx512", "amx"),
                                          testing::Values(Precision::Fp32, Precision::Bf16,
                                                          Precision::Int8)),
                         name_of);

}  // namespace
}  // namespace sapiens

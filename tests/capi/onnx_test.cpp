#include "sapiens/onnx.hpp"

#include <gtest/gtest.h>

#include <array>
#include <filesystem>

#include "capi/support.hpp"

namespace sapiens {
namespace {

class COnnx : public testing::Test {
 protected:
  void SetUp() override {
    std::string why;
    if (!onnx_available(&why)) GTEST_SKIP() << why;
  }

  CReport convert(const std::string& from, const sapiens_onnx_options* options = nullptr) {
    const CCheckpoint checkpoint = open_c(from);
    return made<CReport>([&](sapiens_report** out, sapiens_error** error) {
      return sapiens_checkpoint_convert_to_onnx(checkpoint.get(), output.c_str(), nullptr, options,
                                                out, error);
    });
  }
  CError refused(const std::string& to, const sapiens_onnx_options& options,
                 const sapiens_model_options* model = nullptr) {
    const CCheckpoint checkpoint = open_c(tiny.file("pretrain"));
    return error_of<sapiens_report>([&](sapiens_report** out, sapiens_error** error) {
      return sapiens_checkpoint_convert_to_onnx(checkpoint.get(), to.c_str(), model, &options, out,
                                                error);
    });
  }

  TinyModels tiny;
  std::string output = tiny.in_scratch("out.onnx");
};

TEST_F(COnnx, FilesAreTheBytesThatCppWrites) {
  constexpr std::array kTypes = {DType::F32, DType::F32, DType::F16, DType::BF16};
  const std::int32_t out_types[] = {SAPIENS_FEATMAP};
  const std::string source = tiny.file("pretrain");
  const std::string expected = tiny.in_scratch("expected.onnx");
  for (const int dtype :
       {SAPIENS_DTYPE_OWN, SAPIENS_DTYPE_F32, SAPIENS_DTYPE_F16, SAPIENS_DTYPE_BF16}) {
    for (const int attention : {SAPIENS_ATTENTION_PLAIN, SAPIENS_ATTENTION_FUSED}) {
      SCOPED_TRACE(testing::Message() << dtype << " " << attention);
      auto options = defaults<sapiens_onnx_options>();
      options.out_types = out_types;
      options.out_type_count = 1;
      options.dtype = dtype;
      options.opset = 21;
      options.batch = 2;
      options.attention = attention;
      const CReport report = convert(source, &options);
      EXPECT_EQ(sapiens_report_warning_count(report.get()), 0);
      convert_to_onnx(Checkpoint::open(source), expected,
                      {.out_types = {OutType::Featmap},
                       .dtype = kTypes[static_cast<std::size_t>(dtype)],
                       .opset = 21,
                       .batch = 2,
                       .attention = static_cast<OnnxAttention>(attention)});
      EXPECT_TRUE(read_bytes(output) == read_bytes(expected));
    }
  }
}

TEST_F(COnnx, DefaultsAreThoseOfCpp) {
  const CReport report = convert(tiny.file("pretrain"));
  EXPECT_EQ(sapiens_report_text(report.get()),
            Checkpoint::open(tiny.file("pretrain")).inspect().text());
  const std::string expected = tiny.in_scratch("expected.onnx");
  convert_to_onnx(Checkpoint::open(tiny.file("pretrain")), expected);
  EXPECT_TRUE(read_bytes(output) == read_bytes(expected));
}

TEST_F(COnnx, WeightsOfAnEarlierGraphAreAWarning) {
  write_bytes(output + ".data", "");
  const CReport report = convert(tiny.file("pretrain"));
  ASSERT_EQ(sapiens_report_warning_count(report.get()), 1);
  EXPECT_NE(std::string(sapiens_report_warning(report.get(), 0)).find("out.onnx.data"),
            std::string::npos);
}

TEST_F(COnnx, WhatFailsLeavesNoFile) {
  auto options = defaults<sapiens_onnx_options>();
  auto model = defaults<sapiens_model_options>();
  model.arch = "1b";
  EXPECT_EQ(sapiens_error_status(refused(output, options, &model).get()),
            SAPIENS_CHECKPOINT_REFUSED);
  EXPECT_EQ(sapiens_error_status(refused(tiny.in_scratch("out.pth"), options).get()),
            SAPIENS_INVALID_ARGUMENT);
  EXPECT_EQ(sapiens_error_status(refused("/nowhere/out.onnx", options).get()),
            SAPIENS_WRITE_FAILED);
  options.progress = [](double, void*) { return 1; };
  EXPECT_EQ(sapiens_error_status(refused(output, options).get()), SAPIENS_CANCELLED);
  EXPECT_FALSE(std::filesystem::exists(output));
  EXPECT_FALSE(std::filesystem::exists(tiny.in_scratch(".out.onnx.tmp")));
}

TEST_F(COnnx, ChoicesThatDoNotExistAreRefused) {
  const auto key = [&](auto set) {
    auto options = defaults<sapiens_onnx_options>();
    set(options);
    return std::string(sapiens_error_key(refused(output, options).get()));
  };
  using Options = sapiens_onnx_options;
  EXPECT_EQ(key([](Options& o) { o.dtype = 4; }), "options.dtype");
  EXPECT_EQ(key([](Options& o) { o.attention = 2; }), "options.attention");
  EXPECT_EQ(key([](Options& o) { o.dynamic_size = 2; }), "options.dynamic_size");
  EXPECT_EQ(key([](Options& o) { o.with_preprocessing = -1; }), "options.with_preprocessing");
  EXPECT_EQ(key([](Options& o) { o.raw_maps = 3; }), "options.raw_maps");
  EXPECT_EQ(key([](Options& o) { o.out_type_count = 1; }), "options.out_types");
  static constexpr std::int32_t kUnknown[] = {5};
  EXPECT_EQ(key([](Options& o) {
              o.out_types = kUnknown;
              o.out_type_count = 1;
            }),
            "options.out_types");
  EXPECT_FALSE(std::filesystem::exists(output));
}

}  // namespace
}  // namespace sapiens

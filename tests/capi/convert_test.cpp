#include <gtest/gtest.h>

#include <array>
#include <limits>

#include "capi/support.hpp"

namespace sapiens {
namespace {

class CConversions : public testing::Test {
 protected:
  CReport convert(const std::string& from, const std::string& to,
                  const sapiens_convert_options* options = nullptr) {
    const CCheckpoint checkpoint = open_c(from);
    return made<CReport>([&](sapiens_report** out, sapiens_error** error) {
      return sapiens_checkpoint_convert(checkpoint.get(), to.c_str(), nullptr, options, out, error);
    });
  }
  CError refused(const std::string& from, const std::string& to,
                 const sapiens_convert_options& options = defaults<sapiens_convert_options>(),
                 const sapiens_model_options* model = nullptr) {
    const CCheckpoint checkpoint = open_c(from);
    return error_of<sapiens_report>([&](sapiens_report** out, sapiens_error** error) {
      return sapiens_checkpoint_convert(checkpoint.get(), to.c_str(), model, &options, out, error);
    });
  }

  TinyModels tiny;
  std::string output = tiny.in_scratch("out.pth");
};

TEST_F(CConversions, WriteTheBytesThatCppWrites) {
  constexpr std::array kTypes = {std::optional<DType>{}, std::optional(DType::F32),
                                 std::optional(DType::F16), std::optional(DType::BF16)};
  const std::string source = tiny.autoencoder();
  const std::string expected = tiny.in_scratch("expected.pth");
  for (const int layout : {SAPIENS_LAYOUT_CLEAN, SAPIENS_LAYOUT_MMENGINE}) {
    for (const int dtype :
         {SAPIENS_DTYPE_OWN, SAPIENS_DTYPE_F32, SAPIENS_DTYPE_F16, SAPIENS_DTYPE_BF16}) {
      for (const int keep : {0, 1}) {
        SCOPED_TRACE(testing::Message() << layout << " " << dtype << " " << keep);
        auto options = defaults<sapiens_convert_options>();
        options.layout = layout;
        options.dtype = dtype;
        options.keep_unused = keep;
        convert(source, output, &options);
        convert_checkpoint(Checkpoint::open(source), expected,
                           {.layout = static_cast<Layout>(layout),
                            .dtype = kTypes[static_cast<std::size_t>(dtype)],
                            .keep_unused = keep == 1});
        EXPECT_TRUE(read_bytes(output) == read_bytes(expected));
      }
    }
  }
}

TEST_F(CConversions, HandOutTheReportOfInspect) {
  const CReport report = convert(tiny.file("seg"), output);
  EXPECT_EQ(sapiens_report_text(report.get()), Checkpoint::open(tiny.file("seg")).inspect().text());
  EXPECT_EQ(sapiens_report_warning_count(report.get()), 0);
  EXPECT_STREQ(sapiens_report_warning(report.get(), 0), "");
}

TEST_F(CConversions, WarnOfNonFiniteValues) {
  const std::string source = tiny.in_scratch("nan.safetensors");
  convert(tiny.file("pretrain"), source);
  std::string bytes = read_bytes(source);
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  std::memcpy(bytes.data() + bytes.size() - sizeof kNan, &kNan, sizeof kNan);  // the last weight
  write_bytes(source, bytes);

  const CReport report = convert(source, output);
  const ConvertResult expected =
      convert_checkpoint(Checkpoint::open(source), tiny.in_scratch("expected.pth"), {});
  ASSERT_EQ(sapiens_report_warning_count(report.get()), 1);
  EXPECT_EQ(sapiens_report_warning(report.get(), 0), expected.warnings.at(0));
  EXPECT_STREQ(sapiens_report_warning(report.get(), 1), "");
  EXPECT_STREQ(sapiens_report_warning(report.get(), -1), "");
}

TEST_F(CConversions, LeaveNoFileWhenTheyFail) {
  const std::string source = tiny.file("pretrain");
  auto model = defaults<sapiens_model_options>();
  model.arch = "1b";
  EXPECT_EQ(sapiens_error_status(
                refused(source, output, defaults<sapiens_convert_options>(), &model).get()),
            SAPIENS_CHECKPOINT_REFUSED);
  auto options = defaults<sapiens_convert_options>();
  options.progress = [](double, void*) { return 1; };
  EXPECT_EQ(sapiens_error_status(refused(source, output, options).get()), SAPIENS_CANCELLED);
  EXPECT_FALSE(std::filesystem::exists(output));
  EXPECT_EQ(sapiens_error_status(refused(source, "/nowhere/out.pth").get()), SAPIENS_WRITE_FAILED);
  EXPECT_EQ(sapiens_error_status(refused(source, tiny.in_scratch("out.onnx")).get()),
            SAPIENS_INVALID_ARGUMENT);
  const std::string before = read_bytes(source);
  EXPECT_EQ(sapiens_error_status(refused(source, source).get()), SAPIENS_INVALID_ARGUMENT);
  EXPECT_TRUE(read_bytes(source) == before);
}

TEST_F(CConversions, RefuseChoicesThatDoNotExist) {
  const auto key = [&](auto set) {
    auto options = defaults<sapiens_convert_options>();
    set(options);
    return std::string(sapiens_error_key(refused(tiny.file("pretrain"), output, options).get()));
  };
  using Options = sapiens_convert_options;
  EXPECT_EQ(key([](Options& o) { o.layout = 3; }), "options.layout");
  EXPECT_EQ(key([](Options& o) { o.dtype = 4; }), "options.dtype");
  EXPECT_EQ(key([](Options& o) { o.dtype = -1; }), "options.dtype");
  EXPECT_EQ(key([](Options& o) { o.keep_unused = 2; }), "options.keep_unused");
  EXPECT_EQ(key([](Options& o) { o.reserved = 1; }), "options.reserved");
  EXPECT_FALSE(std::filesystem::exists(output));
}

}  // namespace
}  // namespace sapiens

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "sapiens/error.hpp"
#include "sapiens/features.hpp"
#include "support/expect_close.hpp"
#include "support/golden.hpp"

namespace sapiens {
namespace {

using testing::AnyOf;
using testing::HasSubstr;

// One tiny encoder under many names and in many containers, and files that must be refused.
std::vector<std::string> files_with(std::initializer_list<std::string> verdicts) {
  std::vector<std::string> files;
  const Golden golden("names");
  for (const auto& [file, facts] : golden.facts().at("files_expected").items()) {
    for (const std::string& verdict : verdicts) {
      if (facts.at("verdict") == verdict) files.push_back(file);
    }
  }
  return files;
}

std::string test_name(const testing::TestParamInfo<std::string>& file) {
  std::string name = file.param;
  for (char& c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  }
  return name;
}

FloatArray raw_of(const Golden& golden, const std::string& file, const ModelOptions& options) {
  Encoder encoder(Checkpoint::open(golden.file(file)), options, exact());
  const FloatArray input = golden.array("input");
  return encoder.run(input.view<4>(), {.out_types = {OutType::Raw}}).layers.at(0).values;
}

class GoodNames : public testing::TestWithParam<std::string> {};

TEST_P(GoodNames, GiveTheSameFeatures) {
  const Golden golden("names");
  const auto facts = golden.facts()["files_expected"][GetParam()];
  const FloatArray actual = raw_of(golden, GetParam(), golden.options());
  std::string expected = facts["output"];
  expected.resize(expected.size() - 4);  // without ".npy"
  EXPECT_TRUE(
      close(actual.values, golden.array(expected).values, {.absolute = facts["tolerance"]}));
}

// Renaming is lossless: the features of every f32 file are those of the plain one, bit for bit.
TEST_P(GoodNames, AllNamingsOfOneModelGiveEqualFeatures) {
  const Golden golden("names");
  const std::string output = golden.facts()["files_expected"][GetParam()]["output"];
  const std::string like = output == "raw.npy"       ? "plain.pth"
                           : output == "raw_f16.npy" ? "plain_f16.safetensors"
                                                     : "plain_bf16.safetensors";
  EXPECT_EQ(raw_of(golden, GetParam(), golden.options()).values,
            raw_of(golden, like, golden.options()).values);
}

INSTANTIATE_TEST_SUITE_P(Files, GoodNames,
                         testing::ValuesIn(files_with({"ok", "ok_with_notice", "ambiguous"})),
                         test_name);

class BadFiles : public testing::TestWithParam<std::string> {};

TEST_P(BadFiles, AreRefusedWithAReasonAndANextStep) {
  const Golden golden("names");
  try {
    raw_of(golden, GetParam(), golden.options().grid ? ModelOptions{.heads = 2} : golden.options());
    FAIL() << "computed with a file that is "
           << golden.facts()["files_expected"][GetParam()]["note"];
  } catch (const Error& error) {
    EXPECT_THAT(error.code(), AnyOf(ErrorCode::CheckpointRefused, ErrorCode::CorruptFile,
                                    ErrorCode::UnsupportedFormat))
        << error.what();
    EXPECT_FALSE(error.detail().hint.empty()) << error.what();
    EXPECT_THAT(error.detail().file, HasSubstr(GetParam())) << error.what();
  }
}

INSTANTIATE_TEST_SUITE_P(Files, BadFiles,
                         testing::ValuesIn(files_with({"error", "error_or_warning"})), test_name);

struct Reason {
  const char* file;
  const char* text;
};
class Reasons : public testing::TestWithParam<Reason> {};

TEST_P(Reasons, NameTheCause) {
  const Golden golden("names");
  try {
    raw_of(golden, GetParam().file, {.heads = 2});
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr(GetParam().text));
  }
}

INSTANTIATE_TEST_SUITE_P(Files, Reasons,
                         testing::Values(Reason{"missing_one.pth", "layers.1.ffn.layers.0.0.bias"},
                                         Reason{"wrong_shape.pth", "file [16, 20], model [16, 16]"},
                                         Reason{"transposed_one.pth", "transposed"},
                                         Reason{"pos_embed_odd.pth", "`grid`"},
                                         Reason{"resnet.pth", "ResNet"},
                                         Reason{"decoder_only.pth", "without its encoder"},
                                         Reason{"empty.pth", "no tensors"},
                                         Reason{"nan_weight.pth", "layers.1.attn.qkv.weight"},
                                         Reason{"inf_weight.pth", "ln1.weight"},
                                         Reason{"text.pth", "Git LFS"}, Reason{"html.pth", "HTML"},
                                         Reason{"zero.pth", "empty"}),
                         [](const auto& reason) {
                           std::string name = reason.param.file;
                           return name.substr(0, name.find('.'));
                         });

TEST(Names, TheTeacherIsTakenAndTheStudentReported) {
  const Golden golden("names");
  const Inspection inspection =
      Checkpoint::open(golden.file("teacher_and_student.pth")).inspect(golden.options());
  EXPECT_EQ(inspection.report.verdict, Verdict::Equivalent);
  ASSERT_EQ(inspection.report.unused.size(), 1u);
  EXPECT_EQ(inspection.report.unused[0].keys.size(), 30u);
  EXPECT_THAT(inspection.report.unused[0].reason, HasSubstr("student"));
}

TEST(Names, AnUnknownTensorIsMentioned) {
  const Golden golden("names");
  const Inspection inspection =
      Checkpoint::open(golden.file("extra_key.pth")).inspect(golden.options());
  ASSERT_EQ(inspection.report.unused.size(), 1u);
  EXPECT_THAT(inspection.text(), HasSubstr("mystery.weight"));
}

TEST(Names, AllowPartialComputesWithZerosAndSaysSo) {
  const Golden golden("names");
  ModelOptions options = golden.options();
  options.allow_partial = true;
  const Encoder encoder(Checkpoint::open(golden.file("missing_one.pth")), options, exact());
  EXPECT_TRUE(encoder.partial());
  const Encoder whole(Checkpoint::open(golden.file("plain.pth")), options, exact());
  EXPECT_FALSE(whole.partial());
}

TEST(Names, AllowPartialDoesNotMakeAResNetASapiensModel) {
  const Golden golden("names");
  ModelOptions options = golden.options();
  options.allow_partial = true;
  EXPECT_THROW(Encoder(Checkpoint::open(golden.file("resnet.pth")), options), Error);
}

}  // namespace
}  // namespace sapiens

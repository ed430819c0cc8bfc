// Tensors of unsupported types matter only where a parameter needs one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <nlohmann/json.hpp>

#include "sapiens/checkpoint.hpp"
#include "sapiens/error.hpp"
#include "support/scratch.hpp"

namespace sapiens {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Not;

using Json = nlohmann::ordered_json;

/// A small complete model as safetensors, with tensors that may be changed and added.
class UnreadableValues : public testing::Test {
 protected:
  void SetUp() override {
    synthesize_checkpoint(scratch_ / "tiny.safetensors", {.arch = "tiny", .dtype = DType::F16});
    const std::string bytes = read_bytes(scratch_ / "tiny.safetensors");
    std::uint64_t length = 0;
    std::memcpy(&length, bytes.data(), sizeof length);
    header_ = Json::parse(bytes.substr(8, length));
    data_ = bytes.substr(8 + length);
  }

  void add(const std::string& key, const char* type, std::vector<Index> shape, std::size_t bytes) {
    header_[key] = {{"dtype", type},
                    {"shape", std::move(shape)},
                    {"data_offsets", {data_.size(), data_.size() + bytes}}};
    data_.append(bytes, '\0');
  }

  Checkpoint open() const {
    const std::string text = header_.dump();
    const auto length = static_cast<std::uint64_t>(text.size());
    std::string file(sizeof length, '\0');
    std::memcpy(file.data(), &length, sizeof length);
    write_bytes(scratch_ / "changed.safetensors", file + text + data_);
    return Checkpoint::open(scratch_ / "changed.safetensors");
  }

  Scratch scratch_;
  Json header_;
  std::string data_;
};

TEST_F(UnreadableValues, UnusedUnreadableTensorsAreListed) {
  add("scaled_fp8", "F8_E4M3", {0}, 0);
  add("grad.mask", "C64", {2}, 16);
  add("ids", "U16", {3}, 6);
  const Checkpoint checkpoint = open();
  const Inspection inspection = checkpoint.inspect();
  EXPECT_EQ(inspection.report.verdict, Verdict::Equivalent);
  EXPECT_EQ(inspection.report.bound, inspection.report.required);
  EXPECT_THAT(inspection.report.notes,
              Contains(HasSubstr("3 tensors whose values are not read (complex64, float8_e4m3fn, "
                                 "uint16), the first is scaled_fp8")));
  EXPECT_THAT(inspection.text(), HasSubstr("type float8_e4m3fn, which is not read"));
  EXPECT_THAT(inspection.json(), HasSubstr("type uint16, which is not read"));
  EXPECT_THAT(inspection.file.dtypes, HasSubstr("complex64"));
  const TensorInfo last = checkpoint.tensors().back();
  EXPECT_EQ(last.type, "uint16");
  EXPECT_FALSE(last.readable);
}

TEST_F(UnreadableValues, UnreadableParametersAreRefusedByName) {
  header_["layers.1.attn.qkv.weight"]["dtype"] = "U16";
  const Inspection inspection = open().inspect();
  EXPECT_EQ(inspection.report.verdict, Verdict::Incomplete);
  ASSERT_EQ(inspection.report.mismatched.size(), 1u);
  EXPECT_EQ(inspection.report.mismatched[0].key, "layers.1.attn.qkv.weight");
  EXPECT_EQ(inspection.report.mismatched[0].type, "uint16");
  EXPECT_THAT(inspection.text(), HasSubstr("not readable  layers.1.attn.qkv.weight  uint16"));
  EXPECT_THAT(inspection.report.explanation, HasSubstr("1 parameter is stored in a way"));
  EXPECT_THAT(inspection.report.hint, HasSubstr(".to(torch.float32)"));
  EXPECT_THAT(inspection.json(), HasSubstr("\"type\": \"uint16\""));
  EXPECT_THROW(convert_checkpoint(open(), scratch_ / "out.pth", {}), Error);
}

TEST_F(UnreadableValues, EightBitValuesAreNotCastWithoutTheirScale) {
  const auto shape = header_["layers.0.attn.proj.weight"]["shape"].get<std::vector<Index>>();
  header_.erase("layers.0.attn.proj.weight");
  std::uint64_t at = 0;  // the others move together
  for (auto& [key, entry] : header_.items()) {
    if (key == "__metadata__") continue;
    const auto begin = entry["data_offsets"][0].get<std::uint64_t>();
    const std::uint64_t bytes = entry["data_offsets"][1].get<std::uint64_t>() - begin;
    entry["data_offsets"] = {at, at + bytes};
    at += bytes;
  }
  data_.assign(at, '\0');
  add("layers.0.attn.proj.weight", "F8_E4M3", shape, static_cast<std::size_t>(shape[0] * shape[1]));
  add("layers.0.attn.proj.scale_weight", "F32", {}, 4);
  add("layers.0.attn.proj.scale_input", "F32", {}, 4);
  const Report report = open().inspect().report;
  EXPECT_EQ(report.verdict, Verdict::Incomplete);
  ASSERT_EQ(report.mismatched.size(), 1u);
  EXPECT_EQ(report.mismatched[0].type, "float8_e4m3fn");
  EXPECT_THAT(report.hint, HasSubstr("scale factor"));
}

TEST_F(UnreadableValues, AreAlsoNumbersWhoseScaleStandsBesideThem) {
  for (const char* name : {"weight_scale", "weight_scale_inv", "scale_weight", "SCB"}) {
    SetUp();
    add(std::string("layers.2.ffn.layers.1.") + name, "F32", {}, 4);
    const Report report = open().inspect().report;
    EXPECT_EQ(report.verdict, Verdict::Incomplete) << name;
    ASSERT_EQ(report.mismatched.size(), 1u) << name;
    EXPECT_EQ(report.mismatched[0].key, "layers.2.ffn.layers.1.weight");
    EXPECT_THAT(report.mismatched[0].reason, HasSubstr(name));
  }
}

TEST_F(UnreadableValues, UnreadableTensorsAreLeftOutOfACopyWithAWarning) {
  add("scaled_fp8", "F8_E4M3", {0}, 0);
  const ConvertResult copy =
      convert_checkpoint(open(), scratch_ / "copy.safetensors", {.keep_unused = true});
  EXPECT_THAT(copy.warnings, Contains(HasSubstr("scaled_fp8 was left out")));
  EXPECT_THAT(Checkpoint::open(scratch_ / "copy.safetensors").inspect().text(),
              Not(HasSubstr("float8")));
}

}  // namespace
}  // namespace sapiens

// Layers that int8 does not round to 8 bits are counted and named wherever the precision is.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "cli/program.hpp"

namespace sapiens {
namespace {

using testing::HasSubstr;
using testing::Not;

/// Makes the first hidden channel of an MLP 1000 times as large, in a safetensors file of floats,
/// and what takes it as much smaller.
void add_outlier(const std::string& path, const std::string& block) {
  std::string file = read_bytes(path);
  std::uint64_t size = 0;
  std::memcpy(&size, file.data(), sizeof size);
  const Json header = Json::parse(file.substr(8, size));
  // Of a matrix, or with one column of a vector.
  const auto multiply = [&](const std::string& key, bool column, float factor) {
    const Json& tensor = header.at(block + key);
    const std::vector<std::size_t> shape = tensor.at("shape");
    const std::size_t columns = shape.size() == 2 ? shape[1] : 1;
    const std::size_t count = column ? shape[0] : columns, step = column ? columns : 1;
    for (std::size_t i = 0; i < count; ++i) {
      char* const at =
          file.data() + 8 + size + tensor.at("data_offsets")[0].get<std::size_t>() + 4 * i * step;
      float value = 0;
      std::memcpy(&value, at, sizeof value);
      value *= factor;
      std::memcpy(at, &value, sizeof value);
    }
  };
  multiply("ffn.layers.0.0.weight", false, 1000);
  multiply("ffn.layers.0.0.bias", false, 1000);
  multiply("ffn.layers.1.weight", true, 1.0f / 1000);
  write_bytes(path, file);
}

class Unquantized : public testing::Test {
 protected:
  void SetUp() override {
    make_image(image_);
    ASSERT_EQ(run_sapiens({"synth", model_, "--arch", "tiny", "--layout", "clean"}).code, 0);
  }

  std::vector<std::string> features(const std::string& output, const std::string& precision) {
    return {"features", model_, image_, "--output", output, "--precision", precision};
  }

  static Json recorded_settings(const std::string& output) {
    return Json::parse(read_bytes(output + "/sapiens-features.json"))["settings"];
  }

  const Scratch scratch_;
  const std::string model_ = scratch_ / "model.safetensors", image_ = scratch_ / "a.png";
  const Json name_ = {"backbone.layers.1.ffn.layers.1.weight"};
};

TEST_F(Unquantized, LayersAreCountedOnTheScreenAndNamedInRecords) {
  const std::string usual = scratch_ / "usual", changed = scratch_ / "changed";
  const Finished before = run_sapiens(features(usual, "int8"));
  ASSERT_EQ(before.code, 0) << before.err;
  EXPECT_THAT(before.out, HasSubstr("(int8, "));
  EXPECT_FALSE(recorded_settings(usual).contains("unquantized"));

  add_outlier(model_, "layers.1.");
  const Finished run = run_sapiens(features(changed, "int8"));
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("(int8 but for 1 layer, "));
  EXPECT_EQ(recorded_settings(changed)["unquantized"], name_);

  const Finished exact = run_sapiens(features(scratch_ / "exact", "fp32"));
  ASSERT_EQ(exact.code, 0) << exact.err;
  EXPECT_THAT(exact.out, Not(HasSubstr("but for")));
}

TEST_F(Unquantized, LayersHaveARowOfTheirOwnInBenchmarks) {
  add_outlier(model_, "layers.1.");
  const std::vector<std::string> bench = {"bench", model_, "--repeat", "1", "--precision", "int8"};
  const Finished text = run_sapiens(bench);
  ASSERT_EQ(text.code, 0) << text.err;
  EXPECT_THAT(text.out, HasSubstr("int8 but for 1 layer on "));

  std::vector<std::string> as_json = bench;
  as_json.push_back("--json");
  const Json document = run_sapiens(as_json).json();
  EXPECT_EQ(document["unquantized"], name_);
  std::vector<std::pair<std::string, int>> fc2;  // arithmetic and calls
  for (const Json& op : document["operators"]) {
    if (op["name"] == "fc2") fc2.emplace_back(op["arithmetic"], op["calls"]);
  }
  ASSERT_EQ(fc2.size(), 2u);  // of three blocks, the second is not in 8 bits
  EXPECT_EQ(fc2[0], std::pair(std::string("int8"), 2));
  EXPECT_NE(fc2[1].first, "int8");
  EXPECT_EQ(fc2[1].second, 1);
}

}  // namespace
}  // namespace sapiens

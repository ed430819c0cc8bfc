#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "cli/program.hpp"
#include "support/sanitizers.hpp"
#include "support/scratch.hpp"

namespace sapiens {
namespace {

// The published 2B model as safetensors, 8.5 GB of zeros that take no disk: header, then a hole.
void make_sparse_2b(const std::string& path) {
  nlohmann::ordered_json header;
  std::uint64_t offset = 0;
  const auto add = [&](const std::string& key, std::vector<std::uint64_t> shape) {
    std::uint64_t bytes = 4;
    for (const std::uint64_t extent : shape) bytes *= extent;
    header[key] = {{"dtype", "F32"}, {"shape", shape}, {"data_offsets", {offset, offset + bytes}}};
    offset += bytes;
  };
  const auto add_layer = [&](const std::string& name, std::vector<std::uint64_t> shape) {
    add(name + ".weight", shape);
    add(name + ".bias", {shape[0]});
  };
  constexpr std::uint64_t kWidth = 1920;
  add("cls_token", {1, 1, kWidth});
  add("pos_embed", {1, 4097, kWidth});
  add_layer("patch_embed.projection", {kWidth, 3, 16, 16});
  for (int i = 0; i < 48; ++i) {
    const std::string layer = "layers." + std::to_string(i) + ".";
    add_layer(layer + "ln1", {kWidth});
    add_layer(layer + "attn.qkv", {3 * kWidth, kWidth});
    add_layer(layer + "attn.proj", {kWidth, kWidth});
    add_layer(layer + "ln2", {kWidth});
    add_layer(layer + "ffn.layers.0.0", {4 * kWidth, kWidth});
    add_layer(layer + "ffn.layers.1", {kWidth, 4 * kWidth});
  }
  add_layer("ln1", {kWidth});

  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');
  const std::uint64_t length = text.size();
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(&length), sizeof length);
  file << text;
  file.close();
  std::filesystem::resize_file(path, sizeof length + text.size() + offset);
}

TEST(Memory, InspectOfEightGigabytesStaysBelowFiftyMegabytes) {
  if (kUnderSanitizer) GTEST_SKIP() << "a sanitizer's own memory would be measured";
  const Scratch scratch;
  make_sparse_2b(scratch / "2b.safetensors");
  const Finished run = run_sapiens({"inspect", scratch / "2b.safetensors", "--json"});
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_EQ(run.json()["model"]["arch"], "2b");
  EXPECT_EQ(run.json()["report"]["bound"], 582);
  EXPECT_LT(run.peak_bytes, 50'000'000u);
}

TEST(Memory, TooLittleOfItIsNoMissingFile) {
  if (kUnderSanitizer) GTEST_SKIP() << "a sanitizer's own memory would be measured";
  const Scratch scratch;
  make_sparse_2b(scratch / "2b.safetensors");
  const int status = std::system(("ulimit -v 4000000; '" SAPIENS_PROGRAM "' inspect '" +
                                  (scratch / "2b.safetensors") + "' 2>/dev/null")
                                     .c_str());
  EXPECT_EQ(WEXITSTATUS(status), 5);
}

// A full-size 0.3B file of 1.2 GB; the small picture keeps the test short, and makes the weights
// stand out.
TEST(Memory, FeaturesHoldTheWeightsOnceAndLittleElse) {
  if (kUnderSanitizer) GTEST_SKIP() << "a sanitizer's own memory would be measured";
  const Scratch scratch;
  ASSERT_EQ(run_sapiens({"synth", scratch / "model.pth", "--arch", "0.3b"}).code, 0);
  make_picture(scratch / "a.png");
  struct Expected {
    std::string precision;
    std::uint64_t weight_bytes;  // 303 million numbers of linear layers, at least
  };
  for (const auto& [precision, weight_bytes] :
       {Expected{"fp32", 1'200'000'000}, {"bf16", 600'000'000}, {"int8", 300'000'000}}) {
    SCOPED_TRACE(precision);
    const Finished run =
        run_sapiens({"features", scratch / "model.pth", scratch / "a.png", "--output",
                     scratch / "out", "--size", "256x256", "--precision", precision, "--json"});
    ASSERT_EQ(run.code, 0) << run.err;
    const Json memory = run.json()["memory"];
    EXPECT_GT(memory["weight_bytes"].get<std::uint64_t>(), weight_bytes);
    const auto needed = memory["weight_bytes"].get<std::uint64_t>() +
                        memory["activation_bytes"].get<std::uint64_t>();
    EXPECT_LT(run.peak_bytes, needed * 5 / 4);
  }
}

}  // namespace
}  // namespace sapiens

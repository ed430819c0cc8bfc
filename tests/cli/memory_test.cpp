#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sapiens/image.hpp>
#include <string>
#include <utility>
#include <vector>

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

// A full-size 0.3B file of 1.2 GB; the small image keeps the test short, and makes the weights
// stand out.
TEST(Memory, FeaturesHoldTheWeightsOnceAndLittleElse) {
  if (kUnderSanitizer) GTEST_SKIP() << "a sanitizer's own memory would be measured";
  const Scratch scratch;
  ASSERT_EQ(run_sapiens({"synth", scratch / "model.pth", "--arch", "0.3b"}).code, 0);
  make_image(scratch / "a.png");
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

/// The exit code of the program with so much address space, and what it says on standard error.
std::pair<int, std::string> run_within(int megabytes, const std::string& arguments,
                                       const Scratch& scratch) {
  const std::string err = scratch / "err";
  const int status =
      std::system(("ulimit -v " + std::to_string(megabytes * 1024) + "; '" SAPIENS_PROGRAM "' " +
                   arguments + " >/dev/null 2>'" + err + "'")
                      .c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), read_bytes(err)};
}

// Near the limit it is OpenCV, TBB or the standard library that gets none, each in its own words.
TEST(Memory, ShortageIsNeverReportedAsABug) {
  if (kUnderSanitizer) GTEST_SKIP() << "a sanitizer needs more address space than that";
  const Scratch scratch;
  ASSERT_EQ(run_sapiens({"synth", scratch / "model.pth", "--arch", "tiny"}).code, 0);
  for (const std::string task : {"pose", "seg", "depth"}) {
    ASSERT_EQ(
        run_sapiens({"synth", scratch / (task + ".pth"), "--arch", "tiny", "--task", task}).code,
        0);
  }
  Image large{.width = 1200, .height = 1000, .rgb = std::vector<std::uint8_t>(1200 * 1000 * 3, 99)};
  large.write_png(scratch / "large.png");
  const auto image = [&](const std::string& folder) {
    return " '" + (scratch / "large.png") + "' --threads 2 --output '" + (scratch / folder) + "' ";
  };
  const auto model = [&](const std::string& name) { return " '" + (scratch / name) + "'"; };
  for (const std::string& arguments :
       {"features" + model("model.pth") + image("a") + "--viz",
        "features" + model("model.pth") + image("b"),
        "pose" + model("pose.pth") + image("c") + "--viz",
        "pose" + model("pose.pth") + image("f") + "--json",
        "seg" + model("seg.pth") + image("d") + "--viz",
        "depth" + model("depth.pth") + image("e") + "--viz", "inspect" + model("model.pth"),
        "convert" + model("model.pth") + model("copy.pth")}) {
    int done = 0, short_of_memory = 0;
    for (int megabytes = 40; megabytes <= 200 && done < 3; megabytes += 4) {
      const auto [code, err] = run_within(megabytes, arguments, scratch);
      SCOPED_TRACE(std::to_string(megabytes) + " MB: " + arguments + "\n" + err);
      const bool not_loaded = code == 127 && err.find("shared libraries") != std::string::npos;
      EXPECT_TRUE(code == 0 || code == 1 || code == 5 || not_loaded) << code;
      EXPECT_EQ(err.find("bug"), std::string::npos);
      if (code == 1 || code == 5) {
        EXPECT_NE(err.find("[out-of-resources]"), std::string::npos);
        ++short_of_memory;
      }
      if (code == 0) ++done;
    }
    EXPECT_EQ(done, 3) << arguments;
    EXPECT_TRUE(short_of_memory > 0 || arguments.find("--viz") == std::string::npos) << arguments;
  }
}

}  // namespace
}  // namespace sapiens

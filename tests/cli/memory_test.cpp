#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sapiens/image.hpp>
#include <sapiens/onnx.hpp>
#include <string>
#include <utility>
#include <vector>

#include "cli/program.hpp"
#include "cli/sparse_checkpoint.hpp"
#include "support/sanitizers.hpp"
#include "support/scratch.hpp"

namespace sapiens {
namespace {

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
      EXPECT_TRUE(code == 0 || code == 5 || not_loaded) << code;
      EXPECT_EQ(err.find("bug"), std::string::npos);
      if (code == 5) {
        EXPECT_NE(err.find("[out-of-resources]"), std::string::npos);
        ++short_of_memory;
      }
      if (code == 0) ++done;
    }
    EXPECT_EQ(done, 3) << arguments;
    EXPECT_TRUE(short_of_memory > 0 || arguments.find("--viz") == std::string::npos) << arguments;
  }
}

/// How a run ended within a limit.
enum class Ending { NotStarted, ShortOfMemory, Done };

/// Every end that a limit may bring about: the loader finds no room for the program, the program
/// says how much memory there was, or it is done. Fails the test for any other.
Ending ending_within(int megabytes, const std::string& arguments, const Scratch& scratch) {
  const auto [code, err] = run_within(megabytes, arguments, scratch);
  SCOPED_TRACE(std::to_string(megabytes) + " MB: " + arguments + "\n" + err);
  if (code == 127 && err.find("error while loading shared libraries") != err.npos) {
    return Ending::NotStarted;
  }
  if (code == 0) return Ending::Done;
  EXPECT_EQ(code, 5);
  const std::size_t at = err.find("[out-of-resources]");
  EXPECT_NE(at, err.npos);
  const std::string said = at == err.npos ? "" : err.substr(at);
  EXPECT_TRUE(said.find(" MB") != said.npos || said.find(" bytes") != said.npos);
  return Ending::ShortOfMemory;
}

/// Temporary files in the output folder, which no error may leave there.
int temporary_files(const std::string& folder) {
  int count = 0;
  if (!std::filesystem::exists(folder)) return count;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.path().filename().string().find(".tmp") != std::string::npos) ++count;
  }
  return count;
}

// SAPIENS_TEST_ROUNDS=30 tries thirty times as many limits.
TEST(Memory, EveryCommandSaysHowMuchThereWasWhereverItRunsOut) {
  if (kUnderSanitizer) GTEST_SKIP() << "a sanitizer needs more address space than that";
  const char* const rounds = std::getenv("SAPIENS_TEST_ROUNDS");
  const int steps = 8 * (rounds ? std::max(1, std::atoi(rounds)) : 1);
  const Scratch scratch;
  const auto path = [&](const std::string& name) { return " '" + (scratch / name) + "'"; };
  make_checkpoint(scratch / "model.pth");
  ASSERT_EQ(
      run_sapiens({"synth", scratch / "pretrain.pth", "--arch", "tiny", "--layout", "mmengine"})
          .code,
      0);
  for (const std::string task : {"pose", "seg", "depth", "normal"}) {
    ASSERT_EQ(
        run_sapiens({"synth", scratch / (task + ".pth"), "--arch", "tiny", "--task", task}).code,
        0);
  }
  make_image(scratch / "in/a.png");
  const std::string images = path("in/a.png") + " --threads 2 --viz --output" + path("out");
  const std::string coco = "'" SAPIENS_TEST_DATA "/coco_eval/mixed_3.";
  constexpr int kTooLittle = 20, kEnough = 600;
  for (const std::string& arguments :
       {"inspect" + path("model.pth") + " --json", "features" + path("model.pth") + images,
        "pose" + path("pose.pth") + images + " --json", "seg" + path("seg.pth") + images,
        "depth" + path("depth.pth") + images, "normal" + path("normal.pth") + images,
        "run --pose" + path("pose.pth") + " --seg" + path("seg.pth") + images,
        "reconstruct" + path("pretrain.pth") + path("in/a.png") + " --output" + path("out"),
        "eval --annotations " + coco + "annotations.json' --detections " + coco + "results.json'",
        "sheet" + path("in") + " --output" + path("out/sheet.png"),
        "convert" + path("pose.pth") + path("out/copy.safetensors"),
        "convert" + path("pose.pth") + path("out/copy.onnx"),
        "synth" + path("out/new.pth") + " --arch tiny",
        "bench" + path("model.pth") + " --threads 2 --repeat 1", std::string("pull --list"),
        std::string("completion bash"), std::string("man features")}) {
    int without = kTooLittle, with = kEnough;  // the least with which it is done is in between
    const auto end = [&](int megabytes) {
      std::filesystem::remove_all(scratch / "out");
      std::filesystem::create_directory(scratch / "out");
      const Ending ending = ending_within(megabytes, arguments, scratch);
      EXPECT_EQ(temporary_files(scratch / "out"), 0) << megabytes << " MB: " << arguments;
      return ending;
    };
    ASSERT_EQ(end(kTooLittle), Ending::NotStarted) << arguments;
    if (arguments.find(".onnx") != arguments.npos && !onnx_available()) continue;
    ASSERT_EQ(end(kEnough), Ending::Done) << arguments;
    int stopped = kTooLittle;
    while (with - without > 1) {
      const int middle = (without + with) / 2;
      const Ending ending = end(middle);
      (ending == Ending::Done ? with : without) = middle;
      if (ending == Ending::NotStarted) stopped = middle;
    }
    for (int step = 1; step < steps; ++step) end(stopped + (with - stopped) * step / steps);
  }
}

}  // namespace
}  // namespace sapiens

// One system call after the other fails, in every command that writes files.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <sapiens/archive.hpp>
#include <sapiens/result_files.hpp>
#include <string>
#include <vector>

#include "cli/faults.hpp"
#include "cli/task_fixture.hpp"
#include "cli/trees.hpp"

namespace sapiens {
namespace {

namespace fs = std::filesystem;

/// SAPIENS_TEST_FAULTS=1 lets each call fail, 5 each fifth.
long distance_of_faults() {
  const char* const distance = std::getenv("SAPIENS_TEST_FAULTS");
  return distance == nullptr ? 29 : std::max(1L, std::atol(distance));
}

/// Commands, run again and again.
class FaultSweep : public TaskFixture {
 protected:
  void SetUp() override {
    if (const std::string why = why_no_faults(); !why.empty()) GTEST_SKIP() << why;
    make_checkpoint(tiny_);
    for (int seed = 1; seed <= 3; ++seed) {
      image("in/" + std::to_string(seed) + ".png", seed);
    }
  }

  /// What is below the output folder after a good run.
  void expect_good_run(const Finished& finished, const Tree& whole) const {
    EXPECT_EQ(finished.code, 0) << finished.err;
    expect_equal_trees(tree_below(output_), whole);
  }

  void expect_named_error(const FaultedRun& run, int error, const Tree& whole) const {
    const Finished& finished = run.finished;
    EXPECT_FALSE(run.hung);
    EXPECT_TRUE(finished.code >= 1 && finished.code <= 5) << finished.code;
    EXPECT_THAT(finished.err, testing::HasSubstr(scratch_.path().string()));
    EXPECT_THAT(finished.err, testing::HasSubstr(std::strerror(error)));
    EXPECT_THAT(finished.err, testing::Not(testing::HasSubstr("bug")));
    // A file of many images is without those that failed.
    const bool fewer = shards_ && finished.err.find("failed: ") != std::string::npos;
    if (!fewer) expect_whole_files(tree_below(output_), whole);
    if (shared_ && finished.out.find("the run: ") != std::string::npos) expect_retry(finished);
  }

  /// What a call did not give here it may give another time.
  void expect_retry(const Finished& finished) const {
    const Json run = Json::parse(read_bytes(fs::path(output_) / "sapiens-index.json"));
    EXPECT_EQ(run.at("retry"), run.at("failed"));
    if (run.at("failed") == 0) return;
    EXPECT_THAT(finished.out, testing::HasSubstr("with --resume works on their shards again"));
  }

  /// Temporary files that the program could not remove, or not tell from those of another process.
  static void remove_what_stayed(const std::string& log) {
    const std::size_t space = log.find(' ');
    const std::string kind = log.substr(0, space);
    if (kind != "remove" && kind != "stat") return;
    const fs::path path = log.substr(space + 1, log.find('\n') - space - 1);
    std::error_code gone;
    if (path.filename().string().starts_with('.')) fs::remove(path, gone);
  }

  /// Lets one call after the other of `words` fail, in all ways; then `again` must give what an
  /// undisturbed run gives.
  void sweep(const std::vector<std::string>& words, const std::vector<std::string>& again,
             const std::string& below) {
    fs::remove_all(output_);
    fs::create_directories(output_);
    ASSERT_EQ(run_sapiens(words).code, 0);
    const Tree whole = tree_below(output_);
    ASSERT_FALSE(whole.empty());
    for (const Fault& kind : {Fault{kWritingCalls, ENOSPC, 0, 1}, Fault{kAllCalls, EIO, 0, 0},
                              Fault{kAllCalls, EACCES, 0, 0}, Fault{kAllCalls, EMFILE, 0, 0}}) {
      int faults = 0;
      for (Fault fault = kind;; fault.first += distance_of_faults()) {
        fault.first = std::max(fault.first, 1L);
        fs::remove_all(output_);
        fs::create_directories(output_);
        const FaultedRun run = run_with_fault(below, fault, words);
        SCOPED_TRACE(words.front() + ": " + std::strerror(fault.error) + " from call " +
                     std::to_string(fault.first) + " on\n" + run.log.substr(0, 1000) +
                     run.finished.err);
        remove_what_stayed(run.log);
        if (run.finished.code == 0) {
          expect_good_run(run.finished, whole);
        } else {
          expect_named_error(run, fault.error, whole);
        }
        if (run.log.empty()) break;
        ++faults;
        expect_good_run(run_sapiens(again), whole);
      }
      EXPECT_GT(faults, 0);
      std::printf("%s: %d times \"%s\"\n", words.front().c_str(), faults,
                  std::strerror(kind.error));
    }
  }

  /// The same for a command that can go on with what an earlier run left.
  void sweep_with_resume(std::vector<std::string> words, const std::string& below) {
    words.insert(words.end(), {scratch_ / "in", "--output", output_, "--threads", "1"});
    std::vector<std::string> again = words;
    again.emplace_back("--resume");
    sweep(words, again, below);
  }

  std::string tiny_ = scratch_ / "tiny.pth";
  bool shared_ = false;  // claims and records of shards
  bool shards_ = false;  // files of many images
};

TEST_F(FaultSweep, FeaturesGoOnAfterEachOfThem) {
  sweep_with_resume({"features", tiny_, "--size", "32x32"}, scratch_.path().string());
}

// Where it stays, --resume would take it for a result of the new image.
TEST_F(FaultSweep, AnEarlierResultThatCannotBeRemovedEndsTheRun) {
  if (const std::string why = why_no_faults(); !why.empty()) GTEST_SKIP() << why;
  const std::string png = image("in/a.png", 1);
  const std::vector<std::string> words = {"pose",  checkpoint("pose"), png, "-o",
                                          output_, "--resume"};
  ASSERT_EQ(run_sapiens(words).code, 0);
  const std::string before = read_bytes(out("a.json"));
  image("in/a.png", 2);
  const FaultedRun run =
      run_with_fault(output_, {.calls = " remove ", .error = EACCES, .first = 1, .step = 1}, words);
  EXPECT_EQ(run.finished.code, 5) << run.finished.err;
  EXPECT_THAT(run.finished.err, testing::HasSubstr(out("a.json")));
  ASSERT_EQ(run_sapiens(words).code, 0);
  EXPECT_NE(read_bytes(out("a.json")), before);
}

TEST_F(FaultSweep, PoseGoesOnAfterEachOfThem) {
  sweep_with_resume({"pose", checkpoint("pose"), "--viz", "--coco"}, scratch_.path().string());
}

TEST_F(FaultSweep, RunGoesOnAfterEachOfThem) {
  sweep_with_resume({"run", "--seg", checkpoint("seg"), "--depth", checkpoint("depth")},
                    scratch_.path().string());
}

TEST_F(FaultSweep, SharedRunsGoOnAfterEachOfThem) {
  std::string why;
  if (!archives_available(&why)) GTEST_SKIP() << why;
  shared_ = true;
  for (const std::string format : {"npy", "webdataset", "npy-shards"}) {
    SCOPED_TRACE(format);
    shards_ = format != "npy";
    sweep_with_resume({"features", tiny_, "--size", "32x32", "--shared", "--format", format},
                      scratch_.path().string());
  }
}

TEST_F(FaultSweep, EvalCountsEveryImageOrSaysWhichItCouldNotRead) {
  for (const std::string name : {"1", "2", "3"}) {
    write_class_png(scratch_ / ("in/" + name + "_seg.png"),
                    {.width = kWidth,
                     .height = kHeight,
                     .classes = 28,
                     .ids = std::vector<std::uint8_t>(kWidth * kHeight)});
  }
  // A record of the run: without an image it is another one, and says so.
  const std::vector<std::string> words = {
      "eval",     checkpoint("seg"),          "--data",    scratch_ / "in",
      "--output", out("sapiens-report.json"), "--threads", "1"};
  sweep(words, words, scratch_.path().string());
}

TEST_F(FaultSweep, ConvertLeavesAWholeFileOrNone) {
  for (const std::string name : {"copy.pth", "copy.safetensors"}) {
    const std::vector<std::string> words = {"convert", tiny_, out(name)};
    sweep(words, words, scratch_.path().string());
  }
}

TEST_F(FaultSweep, SynthLeavesAWholeFileOrNone) {
  const std::vector<std::string> words = {"synth", out("made.safetensors"), "--arch", "tiny"};
  sweep(words, words, scratch_.path().string());
}

}  // namespace
}  // namespace sapiens

// Signals that end runs at random moments, and --resume.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "cli/faults.hpp"
#include "cli/task_fixture.hpp"
#include "cli/trees.hpp"

namespace sapiens {
namespace {

namespace fs = std::filesystem;
using Seconds = std::chrono::duration<double>;

/// SAPIENS_TEST_KILLS=50 ends 50 runs over 500 images each.
int rounds() {
  const char* const wanted = std::getenv("SAPIENS_TEST_KILLS");
  return wanted == nullptr ? 3 : std::atoi(wanted);
}

class Kill : public TaskFixture {
 protected:
  void SetUp() override {
    std::signal(SIGINT, SIG_DFL);  // the program heeds one that it inherits as ignored
    const int images = std::getenv("SAPIENS_TEST_KILLS") == nullptr ? 20 : 500;
    for (int i = 0; i < images; ++i) {
      image("in/" + std::to_string(1000 + i) + ".png", i + 1);
    }
  }

  /// How many files the run had written when the signal came.
  std::size_t end_at_random(const std::vector<std::string>& words, int signal, Seconds longest) {
    std::uniform_real_distribution<double> moment(0, longest.count());
    Running program(words);
    std::this_thread::sleep_for(Seconds(moment(random_)));
    program.send(signal);
    EXPECT_FALSE(hangs(program));
    const Finished ended = program.wait();
    const int expected = signal == SIGKILL ? 128 + SIGKILL : 130;
    // A signal may come before the program heeds it, or after its end.
    EXPECT_TRUE(ended.code == expected || ended.code == 128 + signal || ended.code == 0)
        << ended.code << '\n'
        << ended.err;
    return tree_below(output_).size();
  }

  void expect_same_tree_after_kills(std::vector<std::string> words) {
    words.insert(words.end(), {scratch_ / "in", "--output", output_, "--threads", "1"});
    std::vector<std::string> again = words;
    again.emplace_back("--resume");
    const auto start = std::chrono::steady_clock::now();
    ASSERT_EQ(run_sapiens(words).code, 0);
    const Seconds whole_run = std::chrono::steady_clock::now() - start;
    const Tree whole = tree_below(output_);
    for (int round = 0; round < rounds(); ++round) {
      const int signal = std::vector{SIGKILL, SIGINT, SIGTERM}[static_cast<std::size_t>(round % 3)];
      SCOPED_TRACE("round " + std::to_string(round) + ", signal " + std::to_string(signal));
      fs::remove_all(output_);
      const std::size_t files = end_at_random(words, signal, whole_run);
      std::printf("%s, round %d, signal %d: %zu of %zu files\n", words.front().c_str(), round + 1,
                  signal, files, whole.size());
      expect_whole_files(tree_below(output_), whole, signal == SIGKILL);
      const Finished resumed = run_sapiens(again);
      EXPECT_EQ(resumed.code, 0) << resumed.err;
      expect_equal_trees(tree_below(output_), whole);
    }
    const Seconds all = std::chrono::steady_clock::now() - start;
    std::printf("%s: a whole run takes %.1f s, all of this took %.0f s\n", words.front().c_str(),
                whole_run.count(), all.count());
  }

  std::mt19937 random_{21};
};

TEST_F(Kill, FeaturesGoOnAtAnyMoment) {
  make_checkpoint(scratch_ / "tiny.pth");
  expect_same_tree_after_kills({"features", scratch_ / "tiny.pth", "--size", "32x32"});
}

TEST_F(Kill, PoseGoesOnAtAnyMoment) { expect_same_tree_after_kills({"pose", checkpoint("pose")}); }

TEST_F(Kill, SegGoesOnAtAnyMoment) { expect_same_tree_after_kills({"seg", checkpoint("seg")}); }

TEST_F(Kill, RunGoesOnAtAnyMoment) {
  expect_same_tree_after_kills(
      {"run", "--pose", checkpoint("pose"), "--depth", checkpoint("depth")});
}

// Without a record to go on from: the file is whole, is the one before, or is not there.
TEST_F(Kill, ConvertLeavesTheFileBeforeOrTheWholeNewOne) {
  make_checkpoint(scratch_ / "tiny.pth");
  const std::string target = out("copy.safetensors");
  const std::vector<std::string> words = {"convert", scratch_ / "tiny.pth", target};
  fs::create_directories(output_);
  const auto start = std::chrono::steady_clock::now();
  ASSERT_EQ(run_sapiens(words).code, 0);
  const Seconds whole_run = std::chrono::steady_clock::now() - start;
  const std::string whole = read_bytes(target);
  int before = 0, after = 0;
  for (int round = 0; round < 10 * rounds(); ++round) {
    write_bytes(target, "the file before");
    end_at_random(words, round % 2 == 0 ? SIGKILL : SIGTERM, whole_run);
    const std::string now = read_bytes(target);
    ++(now == whole ? after : before);
    EXPECT_TRUE(now == whole || now == "the file before");
  }
  EXPECT_EQ(run_sapiens(words).code, 0);
  EXPECT_TRUE(read_bytes(target) == whole);
  EXPECT_EQ(tree_below(output_).size(), 1);  // what killed ones left is gone
  std::printf("convert: %d times the file before, %d times the new one\n", before, after);
}

}  // namespace
}  // namespace sapiens

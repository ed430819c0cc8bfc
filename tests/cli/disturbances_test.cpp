// What happens around a run: interrupted and short calls, folders that vanish, clocks that jump, a
// disk that is full.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <sapiens/archive.hpp>
#include <string>
#include <thread>
#include <vector>

#include "cli/faults.hpp"
#include "cli/task_fixture.hpp"
#include "cli/trees.hpp"

namespace sapiens {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class Disturbances : public TaskFixture {
 protected:
  void make_images(int count) {
    for (int i = 0; i < count; ++i) image("in/" + std::to_string(100 + i) + ".png", i + 1);
  }

  /// Commands that read and write in different ways.
  std::vector<std::vector<std::string>> commands() {
    std::string why;
    std::vector<std::vector<std::string>> all = {
        {"features", checkpoint("pretrain"), "--viz", "--dtype", "f16"},
        {"pose", checkpoint("pose"), "--coco"},
        {"run", "--seg", checkpoint("seg"), "--depth", checkpoint("depth")}};
    if (archives_available(&why)) {
      all.push_back({"features", checkpoint("pretrain"), "--format", "webdataset"});
      all.push_back({"features", checkpoint("pretrain"), "--format", "npy-shards"});
    }
    for (std::vector<std::string>& words : all) {
      words.insert(words.end(), {scratch_ / "in", "--output", output_, "--threads", "1"});
    }
    return all;
  }

  /// What `run` writes is what an undisturbed run writes.
  template <typename Run>
  void expect_same(Run run) {
    for (const std::vector<std::string>& words : commands()) {
      SCOPED_TRACE(words.front());
      fs::remove_all(output_);
      ASSERT_EQ(run_sapiens(words).code, 0);
      const Tree whole = tree_below(output_);
      fs::remove_all(output_);
      const FaultedRun disturbed = run(words);
      EXPECT_EQ(disturbed.finished.code, 0) << disturbed.log << disturbed.finished.err;
      EXPECT_FALSE(disturbed.log.empty());
      expect_equal_trees(tree_below(output_), whole);
    }
  }

  /// Waits until the program has written a file.
  void wait_for_first_file(Running& program) const {
    while (files_so_far(output_) < 3 && !program.ended()) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
};

TEST_F(Disturbances, InterruptedCallsAreRepeated) {
  if (const std::string why = why_no_faults(); !why.empty()) GTEST_SKIP() << why;
  make_images(4);
  for (const long first : {1, 2}) {
    expect_same([&](const std::vector<std::string>& words) {
      const Fault every_other{.calls = kSlowCalls, .error = EINTR, .first = first, .step = 2};
      return run_with_fault(scratch_.path().string(), every_other, words);
    });
  }
}

TEST_F(Disturbances, ShortCallsAreContinued) {
  if (const std::string why = why_no_faults(); !why.empty()) GTEST_SKIP() << why;
  make_images(4);
  for (const long first : {1, 2}) {
    expect_same([&](const std::vector<std::string>& words) {
      const Fault every_other{.calls = " read write ", .error = -1, .first = first, .step = 2};
      return run_with_fault(scratch_.path().string(), every_other, words);
    });
  }
}

TEST_F(Disturbances, AClockThatJumpsByADayChangesNothing) {
  if (const std::string why = why_no_faults(); !why.empty()) GTEST_SKIP() << why;
  make_images(4);
  for (std::vector<std::string> words : commands()) {
    fs::remove_all(output_);
    ASSERT_EQ(run_sapiens(words).code, 0);
    const Tree whole = tree_below(output_);
    for (const long first : {1, 2, 5}) {
      SCOPED_TRACE(words.front());
      fs::remove_all(output_);
      const FaultedRun run = run_with_jumping_clock(first, words);
      EXPECT_FALSE(run.hung);
      EXPECT_EQ(run.finished.code, 0) << run.finished.err;
      expect_equal_trees(tree_below(output_), whole);
    }
  }
}

// A run that is between two files makes the folder anew and goes on there, one that is writing
// fails; neither ends as if all files were there.
TEST_F(Disturbances, AnOutputFolderThatVanishesLeavesNoHalfFileAndNothingHangs) {
  make_images(10);
  for (std::vector<std::string> words : commands()) {
    words.insert(words.end(), {"--isa", "reference"});
    fs::remove_all(output_);
    ASSERT_EQ(run_sapiens(words).code, 0);
    const Tree whole = tree_below(output_);
    for (const bool renamed : {false, true}) {
      SCOPED_TRACE(words.front() + (renamed ? ", renamed" : ", removed"));
      fs::remove_all(output_);
      fs::remove_all(scratch_ / "gone");
      Running program(words);
      wait_for_first_file(program);
      // So that nothing is written while the folder goes.
      program.send(SIGSTOP);
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      const bool done_before = program.ended() || tree_below(output_) == whole;
      if (renamed) {
        fs::rename(output_, scratch_ / "gone");
      } else {
        fs::remove_all(output_);
      }
      program.send(SIGCONT);
      EXPECT_FALSE(hangs(program));
      const Finished ended = program.wait();
      if (ended.code != 0) {
        EXPECT_TRUE(ended.code == 1 || ended.code == 4 || ended.code == 5) << ended.code << '\n'
                                                                           << ended.err;
        EXPECT_THAT(ended.err, HasSubstr(output_));
      } else if (!done_before) {
        expect_equal_trees(tree_below(output_), whole);
      }
      EXPECT_THAT(ended.err, testing::Not(HasSubstr("bug")));
      expect_whole_files(tree_below(output_), whole);
      // The file that was being written when the folder was renamed cannot be removed there.
      expect_whole_files(tree_below(scratch_ / "gone"), whole, true);
    }
  }
}

TEST_F(Disturbances, ASubfolderThatVanishesIsNoticed) {
  make_images(3);
  std::vector<std::string> words = commands()[2];
  words.insert(words.end(), {"--isa", "reference"});
  int noticed = 0;
  for (int round = 0; round < 20 && noticed == 0; ++round) {
    fs::remove_all(output_);
    Running program(words);
    while (!fs::exists(output_ + "/depth/100.npy") && !program.ended()) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    program.send(SIGSTOP);
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    const bool done_before = program.ended() || fs::exists(output_ + "/depth/102.npy");
    fs::remove_all(output_ + "/depth");
    program.send(SIGCONT);
    const Finished ended = program.wait();
    if (done_before) continue;
    EXPECT_EQ(ended.code, 5) << ended.err;
    EXPECT_THAT(ended.err, HasSubstr("depth"));
    ++noticed;
  }
  EXPECT_EQ(noticed, 1);
}

/// A file system of its own, gone afterwards.
class SmallDisk {
 public:
  explicit SmallDisk(const std::string& folder) : folder_(folder) {
    fs::create_directories(folder_);
    mounted_ = mount("tmpfs", folder_.c_str(), "tmpfs", 0, "size=64k") == 0;
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  ~SmallDisk() {
    if (mounted_) umount2(folder_.c_str(), MNT_DETACH);
  }

  bool is_mounted() const { return mounted_; }
  void grow() const { mount("tmpfs", folder_.c_str(), "tmpfs", MS_REMOUNT, "size=16m"); }

 private:
  std::string folder_;
  bool mounted_ = false;
};

TEST_F(Disturbances, AFullDiskIsSaidAndTheRunGoesOnWhenThereIsSpace) {
  make_images(30);
  for (std::vector<std::string> words : commands()) {
    SCOPED_TRACE(words.front());
    fs::remove_all(output_);
    ASSERT_EQ(run_sapiens(words).code, 0);
    const Tree whole = tree_below(output_);
    fs::remove_all(output_);
    const SmallDisk disk(output_);
    if (!disk.is_mounted()) GTEST_SKIP() << "no file system can be mounted here";
    const Finished full = run_sapiens(words);
    EXPECT_TRUE(full.code == 1 || full.code == 5) << full.code;
    EXPECT_THAT(full.err, HasSubstr("No space left on device"));
    expect_whole_files(tree_below(output_), whole);
    disk.grow();
    words.emplace_back("--resume");
    const Finished resumed = run_sapiens(words);
    EXPECT_EQ(resumed.code, 0) << resumed.err;
    expect_equal_trees(tree_below(output_), whole);
  }
}

}  // namespace
}  // namespace sapiens

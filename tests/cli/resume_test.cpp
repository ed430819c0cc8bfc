#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <sapiens/npy.hpp>
#include <set>
#include <thread>

#include "cli/program.hpp"

namespace sapiens {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr std::size_t kImages = 60;

class Resume : public testing::Test {
 protected:
  void SetUp() override {
    make_checkpoint(checkpoint_);
    for (std::size_t i = 0; i < kImages; ++i) {
      make_image(scratch_ / ("in/" + std::to_string(100 + i) + ".png"), static_cast<int>(i) + 1);
    }
  }

  std::vector<std::string> command(const std::string& output,
                                   const std::vector<std::string>& more = {}) {
    // Large enough that the whole run takes seconds: there is a middle to interrupt.
    std::vector<std::string> words = {"features", checkpoint_, scratch_ / "in", "--output",
                                      output,     "--size",    "512x512"};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }

  static std::vector<fs::path> arrays(const std::string& folder) {
    std::vector<fs::path> found;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(folder, error)) {
      if (entry.path().extension() == ".npy") found.push_back(entry.path());
    }
    return found;
  }

  static std::set<std::string> names_in(const std::string& folder) {
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder)) {
      names.insert(entry.path().filename().string());
    }
    return names;
  }

  /// Sends `signal` once some outputs exist.
  Finished interrupt(Running& run, const std::string& output, int signal) {
    while (arrays(output).size() < 3 && !run.ended()) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    run.send(signal);
    return run.wait();
  }

  Scratch scratch_;
  std::string checkpoint_ = scratch_ / "tiny.pth";
  std::string output_ = scratch_ / "out";
};

TEST_F(Resume, ContinuesAfterAKillWithTheSameFiles) {
  {
    Running run(command(output_));
    ASSERT_EQ(interrupt(run, output_, SIGKILL).code, 128 + SIGKILL);
  }
  const std::size_t before = arrays(output_).size();
  ASSERT_LT(before, kImages);
  for (const fs::path& array : arrays(output_)) EXPECT_NO_THROW(read_npy(array));

  const Finished resumed = run_sapiens(command(output_, {"--resume", "--json"}));
  ASSERT_EQ(resumed.code, 0) << resumed.err;
  EXPECT_EQ(resumed.json()["totals"]["finished_before"], before);
  EXPECT_EQ(resumed.json()["inputs"].size(), kImages);

  ASSERT_EQ(run_sapiens(command(scratch_ / "whole")).code, 0);
  for (const fs::path& array : arrays(scratch_ / "whole")) {
    EXPECT_EQ(read_bytes(array), read_bytes(fs::path(output_) / array.filename())) << array;
  }
  EXPECT_EQ(names_in(output_), names_in(scratch_ / "whole"));  // nothing is left of the killed run
}

TEST_F(Resume, IsOfferedAfterCtrlC) {
  for (const int signal : {SIGINT, SIGTERM}) {
    fs::remove_all(output_);
    Running run(command(output_));
    const Finished ended = interrupt(run, output_, signal);
    EXPECT_EQ(ended.code, 130);
    EXPECT_THAT(ended.err, HasSubstr("--resume"));
    for (const auto& entry : fs::directory_iterator(output_)) {
      const fs::path& path = entry.path();
      EXPECT_TRUE(path.extension() == ".npy" || path.filename() == "sapiens-features.json") << path;
    }
  }
}

TEST_F(Resume, ContinuesAfterCtrlCWithBatchesAndImages) {
  const std::vector<std::string> options = {"--batch", "4", "--viz"};
  {
    Running run(command(output_, options));
    ASSERT_EQ(interrupt(run, output_, SIGINT).code, 130);
  }
  ASSERT_LT(arrays(output_).size(), kImages);
  std::vector<std::string> resume = options;
  resume.insert(resume.end(), {"--resume"});
  ASSERT_EQ(run_sapiens(command(output_, resume)).code, 0);
  ASSERT_EQ(run_sapiens(command(scratch_ / "whole", options)).code, 0);
  ASSERT_EQ(names_in(output_), names_in(scratch_ / "whole"));
  for (const std::string& name : names_in(output_)) {
    if (name == "sapiens-features.json") continue;
    EXPECT_EQ(read_bytes(fs::path(output_) / name), read_bytes(scratch_ / ("whole/" + name)))
        << name;
  }
}

TEST_F(Resume, IsRefusedWithOtherSettings) {
  {
    Running run(command(output_));
    interrupt(run, output_, SIGKILL);
  }
  const Finished other = run_sapiens(command(output_, {"--resume", "--out-type", "raw", "--json"}));
  EXPECT_EQ(other.code, 2);
  EXPECT_EQ(other.json()["error"]["key"], "out_type");
}

TEST_F(Resume, ComputesAgainWhatAnotherInputMade) {
  fs::remove_all(scratch_ / "in");
  make_image(scratch_ / "in/a.png", 1);
  ASSERT_EQ(run_sapiens(command(output_)).code, 0);
  const std::string first = read_bytes(output_ + "/a.npy");
  fs::remove(scratch_ / "in/a.png");
  make_image(scratch_ / "in/a.jpg", 2);
  ASSERT_EQ(run_sapiens(command(output_, {"--resume"})).code, 0);
  EXPECT_NE(read_bytes(output_ + "/a.npy"), first);
}

TEST_F(Resume, ComputesAgainWhatHasChanged) {
  fs::remove_all(scratch_ / "in");
  make_image(scratch_ / "in/a.png", 1);
  make_image(scratch_ / "in/b.png", 1);
  ASSERT_EQ(run_sapiens(command(output_)).code, 0);
  make_image(scratch_ / "in/a.png", 2);
  const Finished again = run_sapiens(command(output_, {"--resume", "--json"}));
  EXPECT_EQ(again.json()["totals"]["done"], 1);
  EXPECT_EQ(again.json()["totals"]["finished_before"], 1);
  EXPECT_NE(read_bytes(output_ + "/a.npy"), read_bytes(output_ + "/b.npy"));
}

TEST_F(Resume, ComputesAgainWhatWasReplacedByAnOlderFile) {
  fs::remove_all(scratch_ / "in");
  make_image(scratch_ / "in/a.png", 1);
  make_image(scratch_ / "older.png", 2);
  ASSERT_EQ(run_sapiens(command(output_)).code, 0);
  const std::string before = read_bytes(output_ + "/a.npy");
  // As if it were replaced between being read and its result being written.
  fs::rename(scratch_ / "older.png", scratch_ / "in/a.png");
  fs::last_write_time(scratch_ / "in/a.png",
                      fs::last_write_time(output_ + "/a.npy") - std::chrono::hours(1));
  EXPECT_EQ(run_sapiens(command(output_, {"--resume", "--json"})).json()["totals"]["done"], 1);
  EXPECT_NE(read_bytes(output_ + "/a.npy"), before);
  const Finished again = run_sapiens(command(output_, {"--resume", "--json"}));
  EXPECT_EQ(again.json()["totals"]["finished_before"], 1);
}

TEST_F(Resume, ComputesAgainWhatARecordOfAnEarlierVersionHas) {
  fs::remove_all(scratch_ / "in");
  make_image(scratch_ / "in/a.png", 1);
  ASSERT_EQ(run_sapiens(command(output_)).code, 0);
  std::string record = read_bytes(output_ + "/sapiens-features.json");
  const std::size_t version = record.find("\"crc32_of_sizes_times\"");
  ASSERT_NE(version, record.npos);
  record.erase(version, record.find("\"files\"", version) - version);
  write_bytes(output_ + "/sapiens-features.json", record);
  const Finished again = run_sapiens(command(output_, {"--resume", "--json"}));
  EXPECT_EQ(again.json()["totals"]["done"], 1);
}

TEST_F(Resume, TakesAFolderForNoResult) {
  fs::remove_all(scratch_ / "in");
  make_image(scratch_ / "in/a.png", 1);
  ASSERT_EQ(run_sapiens(command(output_)).code, 0);
  fs::remove(output_ + "/a.npy");
  fs::create_directories(output_ + "/a.npy");
  EXPECT_EQ(run_sapiens(command(output_, {"--resume"})).code, 5);
}

TEST_F(Resume, IsRefusedWithOtherWeightsOfTheSameNameAndSize) {
  fs::remove_all(scratch_ / "in");
  make_image(scratch_ / "in/a.png", 1);
  ASSERT_EQ(run_sapiens(command(output_)).code, 0);
  ASSERT_EQ(run_sapiens({"synth", checkpoint_, "--arch", "tiny", "--seed", "2"}).code, 0);
  const Finished other = run_sapiens(command(output_, {"--resume", "--json"}));
  EXPECT_EQ(other.code, 2);
  EXPECT_EQ(other.json()["error"]["key"], "checkpoint");
}

TEST_F(Resume, SaysThatARecordIsUnreadable) {
  fs::create_directories(output_ + "/sapiens-features.json");
  EXPECT_EQ(run_sapiens(command(output_, {"--resume"})).code, 4);
  fs::remove(output_ + "/sapiens-features.json");
  for (const std::string record : {"", "[]", R"({"settings":{}})"}) {
    write_bytes(output_ + "/sapiens-features.json", record);
    EXPECT_EQ(run_sapiens(command(output_, {"--resume"})).code, 4) << record;
  }
}

TEST_F(Resume, StartsAfreshWithoutIt) {
  fs::remove_all(scratch_ / "in");
  make_image(scratch_ / "in/a.png", 1);
  ASSERT_EQ(run_sapiens(command(output_)).code, 0);
  const Finished again = run_sapiens(command(output_, {"--json"}));
  EXPECT_EQ(again.json()["totals"]["done"], 1);
  EXPECT_EQ(again.json()["totals"]["finished_before"], 0);
}

}  // namespace
}  // namespace sapiens

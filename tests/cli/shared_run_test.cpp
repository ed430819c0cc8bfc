#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <random>
#include <sapiens/archive.hpp>
#include <sapiens/image.hpp>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "archive/archives.hpp"
#include "cli/program.hpp"
#include "cli/trees.hpp"

namespace sapiens {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

/// A number of the environment, for runs of a size that takes longer than a test may.
int from_environment(const char* name, int otherwise) {
  const char* const text = std::getenv(name);
  return text ? std::atoi(text) : otherwise;
}

/// Features of tar archives, by shard.
class SharedRun : public testing::Test {
 protected:
  void SetUp() override {
    std::string why;
    if (!archives_available(&why)) GTEST_SKIP() << why;
    make_checkpoint(checkpoint_);
  }

  void make_shards(int shards, int images) {
    for (int s = 0; s < shards; ++s) {
      std::string tar;
      for (int i = 0; i < images; ++i) {
        const std::string key = std::to_string(s * images + i);
        tar += tar_member(key + ".png", png(s * images + i)) +
               tar_member(key + ".json", "{\"n\": " + key + "}");
      }
      write_bytes(shards_ / fs::path("s-" + std::to_string(s) + ".tar"), tar + tar_end());
    }
  }

  std::vector<std::string> command(const std::string& output,
                                   const std::vector<std::string>& more = {}) const {
    std::vector<std::string> words = {"features",  checkpoint_, shards_, "--output",
                                      output,      "--size",    "32x32", "--out-type",
                                      "cls_token", "--threads", "1",     "--json"};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }

  static std::vector<Json> lines_of_index(const fs::path& output) {
    std::vector<Json> all;
    for (const auto& entry : fs::recursive_directory_iterator(output / "sapiens-index")) {
      if (entry.path().extension() != ".jsonl") continue;
      std::istringstream lines(read_bytes(entry.path()));
      for (std::string line; std::getline(lines, line);) all.push_back(Json::parse(line));
    }
    return all;
  }

  static std::vector<std::string> keys_of_index(const fs::path& output) {
    std::vector<std::string> keys;
    for (const Json& line : lines_of_index(output)) keys.push_back(line.at("key"));
    return keys;
  }

  /// Runs `processes` at once, each of them killed `kills` times and started again.
  static void run_killed(const std::vector<std::vector<std::string>>& processes, int kills) {
    std::vector<std::thread> threads;
    for (std::size_t p = 0; p < processes.size(); ++p) {
      threads.emplace_back([&, p] {
        std::mt19937 random(static_cast<unsigned>(p));
        for (int kill = 0; kill < kills; ++kill) {
          Running running(processes[p]);
          std::this_thread::sleep_for(std::chrono::milliseconds(50 + random() % 400));
          running.send(SIGKILL);
          running.wait();
        }
        const Finished finished = Running(processes[p]).wait();
        EXPECT_EQ(finished.code, 0) << finished.err;
      });
    }
    for (std::thread& thread : threads) thread.join();
  }

  void expect_equal_to_one_process(const std::vector<std::string>& format, int shards, int images) {
    make_shards(shards, images);
    const std::string whole = scratch_ / "whole", shared = scratch_ / "shared";
    const Finished alone = run_sapiens(command(whole, format));
    ASSERT_EQ(alone.code, 0) << alone.err;
    std::vector<std::string> more = format;
    more.push_back("--shared");
    const int processes = from_environment("SAPIENS_TEST_PROCESSES", 3);
    run_killed(std::vector(static_cast<std::size_t>(processes), command(shared, more)),
               from_environment("SAPIENS_TEST_KILLS", 2));

    expect_equal_trees(tree_below(shared), tree_below(whole));
    const std::vector<std::string> keys = keys_of_index(shared);
    EXPECT_EQ(keys.size(), static_cast<std::size_t>(shards * images));
    EXPECT_EQ(std::set(keys.begin(), keys.end()).size(), keys.size());
    EXPECT_EQ(Json::parse(read_bytes(fs::path(shared) / "sapiens-index.json")).at("complete"),
              true);
    EXPECT_TRUE(fs::is_empty(fs::path(shared) / "sapiens-index/work"));
  }

  Scratch scratch_;
  std::string checkpoint_ = scratch_ / "tiny.pth";
  std::string shards_ = scratch_ / "shards";
  int shard_count_ = from_environment("SAPIENS_TEST_SHARDS", 6);
  int image_count_ = from_environment("SAPIENS_TEST_IMAGES", 60);

 private:
  static std::string png(int seed) {
    Image image{.width = 20, .height = 16, .rgb = {}};
    std::mt19937 random(static_cast<unsigned>(seed));
    for (int i = 0; i < 20 * 16 * 3; ++i) image.rgb.push_back(static_cast<std::uint8_t>(random()));
    const std::vector<std::byte> bytes = image.encode_png();
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
};

TEST_F(SharedRun, OfKilledProcessesEqualsThatOfOneAsTars) {
  expect_equal_to_one_process({"--format", "webdataset"}, shard_count_, image_count_);
}

TEST_F(SharedRun, OfKilledProcessesEqualsThatOfOneAsArraysOfMany) {
  expect_equal_to_one_process({"--format", "npy-shards", "--dtype", "int8"}, shard_count_,
                              image_count_);
}

TEST_F(SharedRun, OfKilledProcessesEqualsThatOfOneAsSingleFiles) {
  expect_equal_to_one_process({"--format", "npy", "--shard", "0/1"}, shard_count_, image_count_);
}

TEST_F(SharedRun, KeepsApartImagesOfOneKeyInDifferentShards) {
  make_shards(1, 2);
  fs::create_directories(scratch_ / "more/s-0");
  make_image(scratch_ / "more/0.png", 7);
  make_image(scratch_ / "more/s-0/1.png", 8);
  write_bytes(fs::path(shards_) / "t.tar",
              tar_member("0.png", read_bytes(scratch_ / "more/0.png")) + tar_end());
  for (const std::string format : {"npy", "webdataset", "npy-shards"}) {
    const std::string output = scratch_ / format;
    std::vector<std::string> words = command(output, {"--format", format, "--shared", "-r"});
    words.push_back(scratch_ / "more");
    const Finished finished = run_sapiens(words);
    ASSERT_EQ(finished.code, 0) << finished.err;
    std::set<std::string> places;
    for (const Json& line : lines_of_index(output)) {
      const Json& array = line.at("arrays").at(0);
      const std::string file = array.at("file");
      EXPECT_TRUE(fs::exists(fs::path(output) / file)) << file;
      places.insert(file + ":" + array.at("offset").dump());
    }
    EXPECT_EQ(places.size(), 5u) << format;
  }
}

TEST_F(SharedRun, DoesNotReplaceItsInputs) {
  make_shards(1, 2);
  const std::string before = read_bytes(fs::path(shards_) / "s-0.tar");
  const Finished finished = run_sapiens({"features", checkpoint_, shards_ + "/s-0.tar", "--output",
                                         shards_, "--format", "webdataset"});
  EXPECT_EQ(finished.code, 2);
  EXPECT_THAT(finished.err, HasSubstr("would replace an input"));
  EXPECT_EQ(read_bytes(fs::path(shards_) / "s-0.tar"), before);
}

TEST_F(SharedRun, PartsMakeTheWhole) {
  make_shards(5, 3);
  const std::string output = scratch_ / "out";
  for (int part = 0; part < 3; ++part) {
    const Finished finished = run_sapiens(
        command(output, {"--format", "webdataset", "--shard", std::to_string(part) + "/3"}));
    ASSERT_EQ(finished.code, 0) << finished.err;
    const Json run = finished.json().at("run");
    EXPECT_EQ(run.at("complete"), part == 2);
    EXPECT_EQ(run.at("finished"), part == 0 ? 2 : part == 1 ? 4 : 5);
  }
  EXPECT_EQ(keys_of_index(output).size(), 15u);
}

TEST_F(SharedRun, IsNotCompleteWithoutAnArchiveThatWasNamed) {
  make_shards(2, 2);
  const std::string output = scratch_ / "out";
  const Finished finished = run_sapiens({"features", checkpoint_, shards_ + "/s-{0..2}.tar",
                                         "--output", output, "--format", "webdataset", "--json"});
  EXPECT_EQ(finished.code, 1);
  const Json run = finished.json().at("run");
  EXPECT_EQ(run.at("complete"), false);
  EXPECT_EQ(run.at("finished"), 2);
  EXPECT_THAT(run.at("missing").at(0).at("shard").get<std::string>(), HasSubstr("s-2.tar"));
}

TEST_F(SharedRun, WithOtherSettingsIsRefused) {
  make_shards(1, 2);
  const std::string output = scratch_ / "out";
  ASSERT_EQ(run_sapiens(command(output, {"--format", "webdataset"})).code, 0);
  const Finished other =
      run_sapiens(command(output, {"--format", "webdataset", "--dtype", "f16", "--shared"}));
  EXPECT_EQ(other.code, 2);
  EXPECT_THAT(other.err, HasSubstr("dtype"));
  const Finished again = run_sapiens(command(output, {"--format", "webdataset"}));
  EXPECT_EQ(again.code, 2);
  EXPECT_THAT(again.err, HasSubstr("--resume"));
  const Finished plain = run_sapiens(command(output));
  EXPECT_EQ(plain.code, 2);
  EXPECT_THAT(plain.err, HasSubstr("by shards"));
}

TEST_F(SharedRun, SharesItsFolderWithNoOtherCommand) {
  make_image(scratch_ / "photo.png");
  const std::string output = scratch_ / "out";
  const std::string seg = scratch_ / "seg.pth";
  ASSERT_EQ(run_sapiens({"synth", seg, "--arch", "tiny", "--task", "seg"}).code, 0);
  ASSERT_EQ(run_sapiens({"seg", seg, scratch_ / "photo.png", "--output", output}).code, 0);
  const std::string before = read_bytes(fs::path(output) / "photo.npy");
  const std::vector<std::string> by_shards = {"features", checkpoint_, scratch_ / "photo.png",
                                              "--output", output,      "--shared"};
  const Finished refused = run_sapiens(by_shards);
  EXPECT_EQ(refused.code, 2);
  EXPECT_THAT(refused.err, HasSubstr("`sapiens seg`"));
  EXPECT_EQ(read_bytes(fs::path(output) / "photo.npy"), before);

  fs::remove_all(output);
  ASSERT_EQ(run_sapiens(by_shards).code, 0);
  const Finished seg_refused =
      run_sapiens({"seg", seg, scratch_ / "photo.png", "--output", output});
  EXPECT_EQ(seg_refused.code, 2);
  EXPECT_THAT(seg_refused.err, HasSubstr("by shards"));
}

TEST_F(SharedRun, DoesAgainAShardWhoseInputsChanged) {
  make_shards(2, 2);
  const std::string output = scratch_ / "out";
  ASSERT_EQ(run_sapiens(command(output, {"--format", "webdataset"})).code, 0);
  make_shards(1, 3);
  const Finished again = run_sapiens(command(output, {"--format", "webdataset", "--resume"}));
  ASSERT_EQ(again.code, 0) << again.err;
  EXPECT_EQ(again.json().at("totals").at("done"), 3);
  EXPECT_EQ(again.json().at("totals").at("shards_finished_before"), 1);
}

TEST_F(SharedRun, RecordsWhatFailedAndWhatWasLost) {
  make_shards(1, 2);
  const std::string tar = read_bytes(fs::path(shards_) / "s-0.tar");
  write_bytes(fs::path(shards_) / "s-0.tar",
              tar_member("bad.png", "no image") + tar.substr(0, tar.size() - 1024 - 700));
  const std::string output = scratch_ / "out";
  const Finished finished = run_sapiens(command(output, {"--format", "webdataset"}));
  EXPECT_EQ(finished.code, 1);
  const Json record = Json::parse(read_bytes(fs::path(output) / "sapiens-index/s-0.json"));
  EXPECT_EQ(record.at("done"), 2);
  EXPECT_EQ(record.at("failed"), 1);
  EXPECT_TRUE(record.contains("error"));
  EXPECT_EQ(finished.json().at("failures").size(), 2u);
  EXPECT_EQ(finished.json().at("run").at("damaged").size(), 1u);
  EXPECT_THAT(read_bytes(fs::path(output) / "sapiens-index/s-0.jsonl"), HasSubstr("bad.png"));
}

}  // namespace
}  // namespace sapiens

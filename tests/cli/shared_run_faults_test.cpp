#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sapiens/archive.hpp>
#include <string>
#include <thread>
#include <vector>

#include "archive/archives.hpp"
#include "cli/program.hpp"

namespace sapiens {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

/// Runs by shard that something happens to.
class SharedRunFaults : public testing::Test {
 protected:
  void SetUp() override {
    std::string why;
    if (!archives_available(&why)) GTEST_SKIP() << why;
    make_checkpoint(checkpoint_);
    make_image(image_);
  }

  /// An archive of images that are called so.
  std::string tar_of(const std::vector<std::string>& members) const {
    std::string tar;
    for (const std::string& name : members) tar += tar_member(name, read_bytes(image_));
    return tar + tar_end();
  }
  std::string make_tar(const std::string& name, const std::vector<std::string>& members) const {
    const std::string path = scratch_ / name;
    fs::create_directories(fs::path(path).parent_path());
    write_bytes(path, tar_of(members));
    return path;
  }
  /// One whose work takes a second or so, as each file is flushed to the disk.
  std::string make_long_tar() const {
    std::vector<std::string> members;
    for (int i = 0; i < 400; ++i) members.push_back(std::to_string(i) + ".png");
    return make_tar("long.tar", members);
  }

  std::vector<std::string> command(const std::vector<std::string>& more) const {
    std::vector<std::string> words = {"features",  checkpoint_, "--output", output_,
                                      "--size",    "32x32",     "--resume", "--out-type",
                                      "cls_token", "--threads", "1",        "--json"};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
  Finished run(const std::vector<std::string>& more, const std::string& input = "") const {
    return run_sapiens(command(more), input);
  }

  void wait_for(const std::string& name) const {
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!fs::exists(fs::path(output_) / name) && std::chrono::steady_clock::now() < give_up) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }

  Scratch scratch_;
  std::string checkpoint_ = scratch_ / "tiny.pth";
  std::string image_ = scratch_ / "image.png";
  std::string output_ = scratch_ / "out";
};

TEST_F(SharedRunFaults, NumberedFilesAreNotReplacedByThoseOfOtherInputs) {
  const std::string a = make_tar("a.tar", {"0.png"}), b = make_tar("b.tar", {"1.png"});
  ASSERT_EQ(run({a, "--format", "npy-shards"}).code, 0);
  const Finished other = run({b, "--format", "npy-shards"});
  EXPECT_EQ(other.code, 2);
  EXPECT_THAT(other.err, HasSubstr("shards"));
}

TEST_F(SharedRunFaults, OtherImagesOfTheSameArchivesAreOtherSettings) {
  const std::string tar = make_tar("a.tar", {"0.left.png", "0.right.png"});
  ASSERT_EQ(run({tar, "--shared", "--image-key", "left.png"}).code, 0);
  const Finished other = run({tar, "--shared", "--image-key", "right.png"});
  EXPECT_EQ(other.code, 2);
  EXPECT_THAT(other.err, HasSubstr("image_keys"));
}

TEST_F(SharedRunFaults, AnotherTarOnStandardInputIsNotTakenForDone) {
  const std::vector<std::string> words = {"tar:-", "--format", "webdataset"};
  ASSERT_EQ(run(words, tar_of({"0.png"})).code, 0);
  EXPECT_EQ(run(words, tar_of({"0.png"})).code, 0);
  EXPECT_EQ(run(words, tar_of({"1.png"})).code, 2);
  EXPECT_EQ(run(words, tar_of({"0.png", "1.png"})).code, 2);
}

TEST_F(SharedRunFaults, FilesThatWereRemovedAreMadeAgain) {
  const std::string tar = make_tar("a.tar", {"0.png"});
  for (const std::string format : {"webdataset", "npy-shards"}) {
    const std::string file =
        output_ + (format == "webdataset" ? "/a.tar" : "/img_emb/img_emb_0000.npy");
    ASSERT_EQ(run({tar, "--format", format}).code, 0);
    const std::string before = read_bytes(file);
    fs::remove(file);
    const Finished again = run({tar, "--format", format});
    EXPECT_EQ(again.json().at("totals").at("done"), 1);
    EXPECT_EQ(read_bytes(file), before);
    fs::remove_all(output_);
  }
}

TEST_F(SharedRunFaults, PartsOfAnEarlierAndLargerArchiveAreRemoved) {
  const std::vector<std::string> more = {"--format", "webdataset", "--shard-size", "2kb"};
  std::vector<std::string> words = {make_tar("a.tar", {"0.png", "1.png", "2.png", "3.png"})};
  words.insert(words.end(), more.begin(), more.end());
  ASSERT_EQ(run(words).code, 0);
  ASSERT_TRUE(fs::exists(output_ + "/a-part0001.tar"));
  write_bytes(output_ + "/a-part-of-somebody.tar", "x");
  make_tar("a.tar", {"0.png"});
  ASSERT_EQ(run(words).code, 0);
  EXPECT_FALSE(fs::exists(output_ + "/a-part0001.tar"));
  EXPECT_TRUE(fs::exists(output_ + "/a-part-of-somebody.tar"));
}

TEST_F(SharedRunFaults, ARecordThatSomebodyChangedIsNone) {
  const std::string tar = make_tar("a.tar", {"0.png"});
  ASSERT_EQ(run({tar, "--shared"}).code, 0);
  const std::string path = output_ + "/sapiens-index/a.json";
  Json record = Json::parse(read_bytes(path));
  record["done"] = "many";
  write_bytes(path, record.dump());
  const Finished again = run({tar, "--shared"});
  EXPECT_EQ(again.code, 0) << again.err;
  EXPECT_EQ(Json::parse(read_bytes(path)).at("done"), 1);
}

TEST_F(SharedRunFaults, ProcessesOfOtherSettingsThatBeginAtOnceDoNotMixTheirFiles) {
  const std::string tar = make_tar("a.tar", {"0.png"});
  for (int round = 0; round < 5; ++round) {
    fs::remove_all(output_);
    Running one(command({tar, "--shared", "--dtype", "f32"}));
    Running two(command({tar, "--shared", "--dtype", "f16"}));
    EXPECT_EQ(one.wait().code + two.wait().code, 2);
  }
}

TEST_F(SharedRunFaults, AnArchiveThatChangesWhileItIsReadIsDoneAgain) {
  const std::string tar = make_long_tar();
  Running running(command({tar, "--shared"}));
  wait_for("long/0.npy");
  std::ofstream(tar, std::ios::app) << std::string(512, '\0');
  const Finished finished = running.wait();
  EXPECT_EQ(finished.code, 1);
  EXPECT_THAT(finished.err, HasSubstr("changed while they were read"));
  EXPECT_EQ(finished.json().at("run").at("complete"), false);
  const Finished again = run({tar, "--shared"});
  EXPECT_EQ(again.code, 0) << again.err;
  EXPECT_EQ(again.json().at("totals").at("done"), 400);
}

TEST_F(SharedRunFaults, AnOwnerWhoseShardWasCompletedMeanwhileEndsWithoutAnError) {
  const std::string tar = make_long_tar();
  Running stopped(command({tar, "--shared"}));
  wait_for("long/0.npy");
  stopped.send(SIGSTOP);
  // To others it looks like this where its claim was thought to be dead.
  fs::rename(output_ + "/sapiens-index/work/long", scratch_ / "gone");
  EXPECT_EQ(run({tar, "--shared"}).code, 0);
  stopped.send(SIGCONT);
  const Finished finished = stopped.wait();
  EXPECT_EQ(finished.code, 0) << finished.err;
  EXPECT_EQ(finished.json().at("run").at("done"), 400);
}

TEST_F(SharedRunFaults, ProcessesThatSeeTheInputsUnderOtherPathsGoOnWithEachOthersWork) {
  const std::string tar = make_long_tar();
  fs::create_directories(scratch_ / "in");
  make_image(scratch_ / "in/x.png");
  fs::create_directories(scratch_ / "other");
  Running killed(command({tar, scratch_ / "in", "--shared", "--format", "webdataset"}));
  wait_for("sapiens-index/long.json");
  killed.send(SIGKILL);
  killed.wait();
  const std::string other = scratch_ / "other/../";
  const std::vector<std::string> words = {other + "long.tar", other + "in", "--shared", "--format",
                                          "webdataset"};
  ASSERT_EQ(run(words).code, 0);
  const Finished again = run({tar, scratch_ / "in", "--shared", "--format", "webdataset"});
  EXPECT_EQ(again.json().at("totals").at("shards_finished_before"), 2);
}

TEST_F(SharedRunFaults, AKilledProcessThatSawTheInputsUnderAnotherPathIsSucceeded) {
  const std::string tar = make_tar("a.tar", {"0.png", "1.png"});
  const std::vector<std::string> words = {tar, "--shared"};
  ASSERT_EQ(run(words).code, 0);
  const std::string record = output_ + "/sapiens-index/a.json", token(32, '0');
  const std::string work = output_ + "/sapiens-index/work/a", folder = work + "/" + token;
  auto head = nlohmann::ordered_json::object();  // in the order of the record
  head["source"] = nlohmann::ordered_json::parse(read_bytes(record)).at("source");
  std::string lines = read_bytes(output_ + "/sapiens-index/a.jsonl");
  Json line = Json::parse(lines.substr(0, lines.find('\n')));
  line["input"] = "elsewhere/a.tar/0.png";
  fs::remove(record);
  fs::create_directories(folder);
  write_bytes(work + "/claim.1",
              R"({"host":"h","boot":"b","pid_namespace":"p","pid":1,"started":1,"token":")" +
                  token + "\",\"beats\":-1}\n");
  write_bytes(folder + "/index.jsonl",
              head.dump() + "\n" + line.dump() + "\n{\"position\":{},\"done\":1,\"failed\":0}\n");
  const Finished other = run(words);
  EXPECT_EQ(other.code, 0) << other.err;
  EXPECT_EQ(other.json().at("totals").at("done_before"), 1);
}

TEST_F(SharedRunFaults, ShardsInAFolderCalledAsThatOfClaimsHaveRecords) {
  make_tar("in/work/a.tar", {"0.png"});
  ASSERT_EQ(run({scratch_ / "in", "-r", "--shared"}).code, 0);
  EXPECT_TRUE(fs::exists(output_ + "/sapiens-index/files/work/a.json"));
  EXPECT_TRUE(fs::is_empty(output_ + "/sapiens-index/work"));
}

TEST_F(SharedRunFaults, NamesThatAreThoseOfOtherFilesFailByThemselves) {
  const std::string tar = make_tar("a.tar", {"x.npy/0.png", "x.png", "1.png"});
  const Finished finished = run({tar, "--shared"});
  EXPECT_EQ(finished.code, 1);
  EXPECT_EQ(finished.json().at("totals").at("done"), 2);
  EXPECT_EQ(finished.json().at("totals").at("failed"), 1);
}

TEST_F(SharedRunFaults, ScalesAreNotReplacedByAnImageThatIsCalledSo) {
  fs::create_directories(scratch_ / "in");
  make_image(scratch_ / "in/x.png", 1);
  make_image(scratch_ / "in/x.scale.png", 2);
  const Finished finished = run({scratch_ / "in", "--shared", "--dtype", "int8"});
  EXPECT_EQ(finished.code, 1);
  EXPECT_THAT(finished.err, HasSubstr("as the scales of another one"));
}

}  // namespace
}  // namespace sapiens

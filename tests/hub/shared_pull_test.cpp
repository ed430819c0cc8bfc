// Downloads into the cache that Hugging Face's tools share, and files that are in it already.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <thread>

#include "hub/shared_pull_fixture.hpp"

namespace sapiens {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

TEST_F(SharedPull, MakesABlobASnapshotAndAReference) {
  serve();
  const Finished run = pull_shared();
  ASSERT_EQ(run.code, 0) << run.err;
  expect_shared();
  const Json file = run.json()["files"][0];
  EXPECT_EQ(file["path"], pointer());
  EXPECT_EQ(file["verified"], true);
  EXPECT_EQ(fs::path(blob()).filename().string(), file["sha256"]);
  EXPECT_FALSE(fs::exists(folder_before()));
}

TEST_F(SharedPull, ShowsTheLicenceBeforeADownload) {
  const HubServer& server = serve();
  const Finished run = run_sapiens({"pull", kShared});
  EXPECT_EQ(run.code, 2);
  EXPECT_THAT(run.err, HasSubstr("licence  Sapiens2 License, which forbids some uses"));
  EXPECT_THAT(run.err, HasSubstr("https://github.com/facebookresearch/sapiens2/blob/main/LICENSE"));
  EXPECT_THAT(run.err, HasSubstr("--yes"));
  EXPECT_TRUE(server.requests("storage").empty());
  EXPECT_FALSE(fs::exists(hugging_face_));
}

TEST_F(SharedPull, MakesANameThatCommandsTakeForAFile) {
  EXPECT_THAT(run_sapiens({"inspect", kShared}).err, HasSubstr("`sapiens pull sapiens2_0.4b`"));
  serve();
  ASSERT_EQ(pull_shared().code, 0);
  EXPECT_EQ(run_sapiens({"inspect", kShared}).code, 0);
  const Json list = run_sapiens({"pull", "--list", "--json"}).json();
  for (const Json& file : list["published"]) {
    if (file["name"] != kShared) continue;
    EXPECT_EQ(file["local"]["path"], pointer());
  }
}

TEST_F(SharedPull, MakesNoRequestWhereTheUserForbidsIt) {
  const HubServer& server = serve();
  setenv("HF_HUB_OFFLINE", "1", 1);
  const Finished run = pull_shared();
  EXPECT_EQ(run.code, 2);
  EXPECT_EQ(run.json()["error"]["key"], "HF_HUB_OFFLINE");
  EXPECT_TRUE(server.requests("hub").empty());
}

TEST_F(SharedPull, FollowsTheVariablesOfHuggingFace) {
  serve();
  setenv("HF_HUB_CACHE", (scratch_ / "chosen").c_str(), 1);
  ASSERT_EQ(pull_shared().code, 0);
  EXPECT_TRUE(fs::exists(scratch_ / "chosen/" + kRepository + "/refs/main"));
  unsetenv("HF_HUB_CACHE");
  unsetenv("HF_HOME");
  ASSERT_EQ(pull_shared().code, 0);
  EXPECT_TRUE(fs::exists(home_ + "/.cache/huggingface/hub/" + kRepository + "/refs/main"));
  setenv("HF_HOME", "~/moved", 1);
  ASSERT_EQ(pull_shared().code, 0);
  EXPECT_TRUE(fs::exists(home_ + "/moved/hub/" + kRepository + "/refs/main"));
}

TEST_F(SharedPull, AChosenFolderHoldsFilesByTheirNames) {
  serve();
  ASSERT_EQ(pull_shared({"--dir", scratch_ / "chosen"}).code, 0);
  EXPECT_TRUE(read_bytes(scratch_ / "chosen/sapiens2_0.4b.safetensors") == read_bytes(published_));
  setenv("SAPIENS_CACHE", cache_.c_str(), 1);
  ASSERT_EQ(pull_shared().code, 0);
  EXPECT_EQ(cached(), std::set<std::string>{"sapiens2_0.4b.safetensors"});
  EXPECT_FALSE(fs::exists(hugging_face_));
}

TEST_F(SharedPull, DownloadsNothingThatIsInAnyOfTheFolders) {
  serve();
  ASSERT_EQ(pull_shared().code, 0);
  ASSERT_EQ(pull({"--dir", folder_before()}).code, 0);
  const HubServer& server = serve();
  const Finished before = pull();
  ASSERT_EQ(before.code, 0) << before.err;
  EXPECT_EQ(before.json()["files"][0]["path"], folder_before() + "/" + kFile);
  setenv("SAPIENS_CACHE", cache_.c_str(), 1);
  const Finished shared = run_sapiens({"pull", kShared, "--json"});  // and needs no agreement
  ASSERT_EQ(shared.code, 0) << shared.err;
  EXPECT_EQ(shared.json()["files"][0]["path"], pointer());
  EXPECT_EQ(shared.json()["files"][0]["was_there"], true);
  EXPECT_TRUE(server.requests("storage").empty());
}

TEST_F(SharedPull, LinksContentThatAnEarlierCommitHas) {
  serve();
  ASSERT_EQ(pull_shared().code, 0);
  const std::string commit = "beef" + std::string(36, '0');
  const HubServer& server = serve({"--commit", commit});
  const Finished run = run_sapiens({"pull", kShared, "--json"});
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_TRUE(server.requests("storage").empty());
  EXPECT_EQ(read_bytes(repository() + "/refs/main"), commit);
  EXPECT_TRUE(fs::equivalent(pointer(commit), pointer()));
}

TEST_F(SharedPull, KeepsAnEarlierCommitBesideANewOne) {
  serve();
  ASSERT_EQ(pull_shared().code, 0);
  const std::string before = read_bytes(published_);
  ASSERT_EQ(run_sapiens({"synth", published_, "--arch", "tiny", "--seed", "2"}).code, 0);
  const std::string commit = "beef" + std::string(36, '0');
  serve({"--commit", commit});
  ASSERT_EQ(pull_shared().code, 0);
  EXPECT_TRUE(read_bytes(pointer()) == before);
  EXPECT_TRUE(read_bytes(pointer(commit)) == read_bytes(published_));
  EXPECT_EQ(read_bytes(repository() + "/refs/main"), commit);
}

TEST_F(SharedPull, TheNameLeadsToTheVersionThatWasPulled) {
  // The folder before has the new version, the cache an earlier one, which is found first.
  serve();
  ASSERT_EQ(pull_shared().code, 0);
  const std::string commit = "beef" + std::string(36, '0');
  ASSERT_EQ(run_sapiens({"synth", published_, "--arch", "tiny", "--seed", "2"}).code, 0);
  serve({"--commit", commit});
  ASSERT_EQ(pull_shared({"--dir", folder_before()}).code, 0);
  ASSERT_EQ(pull_shared().code, 0);
  const Json list = run_sapiens({"pull", "--list", "--json"}).json();
  for (const Json& file : list["published"]) {
    if (file["name"] != kShared) continue;
    EXPECT_EQ(file["local"]["path"], pointer(commit));
  }
  // A mirror that tells no commit has a third one.
  make_incomplete_checkpoint(scratch_ / "third.safetensors");
  fs::rename(scratch_ / "third.safetensors", published_);
  serve({"--commit", "none"});
  const Finished run = pull_shared();
  EXPECT_EQ(run.code, 5) << run.err;
  EXPECT_EQ(run.json()["error"]["file"], pointer(commit));
  EXPECT_THAT(run.json()["error"]["hint"], HasSubstr("--dir"));
}

TEST_F(SharedPull, WorksWithoutLinks) {
  setenv("HF_HUB_DISABLE_SYMLINKS", "1", 1);
  serve();
  ASSERT_EQ(pull_shared().code, 0);
  EXPECT_TRUE(fs::is_regular_file(fs::symlink_status(pointer())));
  EXPECT_TRUE(read_bytes(pointer()) == read_bytes(published_));
  EXPECT_TRUE(blob().empty());  // not twice on the disk
  const HubServer& server = serve();
  EXPECT_EQ(pull_shared().code, 0);
  EXPECT_TRUE(server.requests("storage").empty());
}

TEST_F(SharedPull, CopiesContentOfAnEarlierCommitWhereItCannotLink) {
  serve();
  ASSERT_EQ(pull_shared().code, 0);
  setenv("HF_HUB_DISABLE_SYMLINKS", "1", 1);
  const std::string commit = "beef" + std::string(36, '0');
  const HubServer& server = serve({"--commit", commit});
  ASSERT_EQ(pull_shared().code, 0);
  EXPECT_TRUE(server.requests("storage").empty());
  EXPECT_TRUE(fs::is_regular_file(fs::symlink_status(pointer(commit))));
  EXPECT_TRUE(read_bytes(pointer(commit)) == read_bytes(pointer()));
}

TEST_F(SharedPull, GoesOnWithWhatAKilledProcessLeft) {
  serve({"--rate", "200000"});
  Running run({"pull", kShared, "--yes"});
  while (!has_partial(50'000) && !run.ended()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  run.send(SIGKILL);
  run.wait();
  EXPECT_FALSE(fs::exists(pointer()));
  EXPECT_THAT(run_sapiens({"inspect", kShared}).err, HasSubstr("not finished"));
  const HubServer& server = serve();
  const Finished again = pull_shared();
  ASSERT_EQ(again.code, 0) << again.err;
  EXPECT_GE(again.json()["files"][0]["resumed_at"], 50'000);
  EXPECT_EQ(server.requests("storage").at(0)["status"], 206);
  expect_shared();
}

TEST_F(SharedPull, GoesOnWithWhatAnEarlierVersionLeft) {
  serve({"--drop-after", "60000"});
  ASSERT_EQ(pull({"--retries", "0", "--dir", folder_before()}).code, 6);
  serve();
  const Finished run = pull();
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_EQ(run.json()["files"][0]["resumed_at"], 60'000);
  EXPECT_EQ(run.json()["files"][0]["path"], folder_before() + "/" + kFile);
}

TEST_F(SharedPull, TwoProcessesDoNotDownloadTheSame) {
  serve({"--rate", "200000"});
  Running first({"pull", kShared, "--yes"});
  while (!has_partial() && !first.ended()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  const Finished second = pull_shared();
  EXPECT_EQ(second.code, 5);
  EXPECT_THAT(second.err, HasSubstr("another program"));
  ASSERT_EQ(first.wait().code, 0);
  expect_shared();
}

TEST_F(SharedPull, WhatHuggingFaceToolsDownloadIsLeftToThem) {
  const HubServer& server = serve({"--drop-after", "1000"});
  ASSERT_EQ(pull_shared({"--retries", "0"}).code, 6);  // makes the file of the lock
  const std::size_t before = server.requests("storage").size();
  const fs::directory_iterator locks(hub_cache() + "/.locks/" + kRepository);
  const int lock = open(locks->path().c_str(), O_RDWR | O_CLOEXEC);
  ASSERT_EQ(flock(lock, LOCK_EX | LOCK_NB), 0);  // as the package filelock does
  const Finished run = pull_shared();
  close(lock);
  EXPECT_EQ(run.code, 5);
  EXPECT_THAT(run.err, HasSubstr("another program"));
  EXPECT_EQ(server.requests("storage").size(), before);
}

TEST_F(SharedPull, KeepsWhatHasArrivedWhenTheDiskTakesNoMore) {
  serve();
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit tight{.rlim_cur = 100'000, .rlim_max = before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &tight), 0);  // the program inherits it
  const Finished run = pull_shared();
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_EQ(run.code, 5);
  EXPECT_FALSE(fs::exists(fs::symlink_status(pointer())));
  EXPECT_FALSE(fs::exists(repository() + "/refs/main"));
  ASSERT_TRUE(has_partial(50'000));
  EXPECT_GE(pull_shared().json()["files"][0]["resumed_at"], 50'000);
  expect_shared();
}

/// Runs `script` with an interpreter that has huggingface_hub, which ports of the hub are set for.
int run_hugging_face(const std::string& script, const std::string& output) {
  const char* const chosen = std::getenv("SAPIENS_TEST_HF_PYTHON");
  const std::string python = chosen ? chosen : PYTHON;
  return std::system((python + " -c '" + script + "' > " + output + " 2>&1").c_str());
}

TEST_F(SharedPull, SharesFilesWithHuggingFaceTools) {
  const std::string out = scratch_ / "python.out";
  if (run_hugging_face("import huggingface_hub", out) != 0) {
    GTEST_SKIP() << "no huggingface_hub; SAPIENS_TEST_HF_PYTHON names an interpreter that has it";
  }
  setenv("HF_HUB_DISABLE_XET", "1", 1);
  HubServer& server = serve();
  ASSERT_EQ(pull_shared().code, 0);
  const std::string large = R"("timm/vit_large_patch16_sapiens2.fb", "model.safetensors")";
  EXPECT_EQ(run_hugging_face("from huggingface_hub import *\n"
                             "path = hf_hub_download(" +
                                 large +
                                 ", local_files_only=True)\n"
                                 "assert path == try_to_load_from_cache(" +
                                 large +
                                 ")\n"
                                 "assert path == hf_hub_download(" +
                                 large +
                                 ")\n"
                                 "assert not scan_cache_dir().warnings\n"
                                 "assert path == \"" +
                                 pointer() + "\", path",
                             out),
            0)
      << read_bytes(out);
  const auto blobs = [&] {
    std::size_t count = 0;
    for (const Json& request : server.requests("hub")) {
      count += request["method"] == "GET" &&
               request["path"].get<std::string>().ends_with("/model.safetensors");
    }
    return count;
  };
  EXPECT_EQ(blobs(), 1);  // ours
  const std::string base = R"("timm/vit_base_patch16_sapiens2.fb", "model.safetensors")";
  ASSERT_EQ(run_hugging_face("from huggingface_hub import *\nhf_hub_download(" + base + ")", out),
            0)
      << read_bytes(out);
  const std::size_t theirs = server.requests("storage").size();
  EXPECT_EQ(run_sapiens({"inspect", "sapiens2_0.1b"}).code, 0);
  EXPECT_EQ(run_sapiens({"pull", "sapiens2_0.1b", "--json"}).json()["files"][0]["was_there"], true);
  EXPECT_EQ(server.requests("storage").size(), theirs);
  unsetenv("HF_HUB_DISABLE_XET");
}

}  // namespace
}  // namespace sapiens

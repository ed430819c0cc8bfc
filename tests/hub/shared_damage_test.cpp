// The cache of Hugging Face's tools where it is damaged, holds what is foreign, or takes nothing.
#include <filesystem>

#include "hub/shared_pull_fixture.hpp"

namespace sapiens {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

TEST_F(SharedPull, ADamagedBlobIsReportedAndNotReplaced) {
  serve();
  ASSERT_EQ(pull_shared().code, 0);
  const std::string damaged = blob(), right = read_bytes(published_);
  write_bytes(damaged, right.substr(0, right.size() / 2));
  EXPECT_EQ(run_sapiens({"inspect", kShared}).code, 4);
  const Finished run = pull_shared();
  EXPECT_EQ(run.code, 5);
  EXPECT_EQ(run.json()["error"]["file"], damaged);
  EXPECT_THAT(run.json()["error"]["hint"], HasSubstr("remove it"));
  fs::remove(damaged);
  ASSERT_EQ(pull_shared().code, 0);
  expect_shared();
}

TEST_F(SharedPull, AnUnfinishedSnapshotIsNotTakenAndMended) {
  serve();
  ASSERT_EQ(pull_shared().code, 0);
  const std::string outside = scratch_ / "outside.safetensors";
  fs::copy_file(published_, outside);
  for (const std::string& target : {outside, std::string("../../blobs/none"), std::string("../")}) {
    fs::remove(pointer());
    fs::create_symlink(target, pointer());
    EXPECT_EQ(run_sapiens({"inspect", kShared}).code, 4) << target;
    ASSERT_EQ(pull_shared().code, 0) << target;
    expect_shared();
  }
}

TEST_F(SharedPull, AFolderThatLeadsOutOfTheCacheIsNotWrittenTo) {
  serve();
  for (const fs::path& folder :
       {fs::path(pointer()).parent_path(), fs::path(repository() + "/blobs")}) {
    fs::remove_all(repository());
    const fs::path outside = scratch_ / "outside";
    fs::create_directories(outside);
    write_bytes((outside / "model.safetensors").string(), "of another program");
    fs::create_directories(folder.parent_path());
    fs::create_directory_symlink(outside, folder);
    const Finished run = pull_shared();
    EXPECT_EQ(run.code, 5);
    EXPECT_EQ(run.json()["error"]["file"], folder.string());
    EXPECT_EQ(read_bytes((outside / "model.safetensors").string()), "of another program");
    EXPECT_EQ(std::distance(fs::directory_iterator(outside), {}), 1);
  }
}

TEST_F(SharedPull, WhatCannotBeANameInTheCacheGoesToTheFolderBefore) {
  const std::vector<std::vector<std::string>> hubs = {
      {"--etag", "\"../../../../etag\""},
      {"--etag", "\"a/b\""},
      {"--etag", "W/\"weak\""},
      {"--commit", "../../../escaped"},
      {"--commit", "none"},
      {"--commit", "main"},
      {"--commit", std::string(39, 'a')},
      {"--digest", "none"},
      {"--commit", "C0FFEE" + std::string(34, '0')}};
  for (const auto& options : hubs) {
    serve(options);
    const Finished run = pull_shared();
    ASSERT_EQ(run.code, 0) << run.err;
    const std::string path = folder_before() + "/sapiens2_0.4b.safetensors";
    EXPECT_EQ(run.json()["files"][0]["path"], path) << options[1];
    EXPECT_FALSE(fs::exists(hugging_face_)) << options[1];
    fs::remove(path);
  }
}

TEST_F(SharedPull, AFolderThatCannotBeWrittenToIsNamedWithWaysOut) {
  serve();
  write_bytes(scratch_ / "file", "no folder");
  setenv("HF_HOME", (scratch_ / "file").c_str(), 1);
  const Json error = pull_shared().json()["error"];
  EXPECT_EQ(error["code"], "write-failed");
  EXPECT_THAT(error["file"], HasSubstr(scratch_ / "file"));
  EXPECT_THAT(error["hint"], HasSubstr("HF_HOME"));
}

TEST_F(SharedPull, AReadOnlyCacheServesWhatItHas) {
  serve();
  ASSERT_EQ(pull_shared().code, 0);
  const std::string commit = "beef" + std::string(36, '0');
  fs::create_directories(fs::path(pointer(commit)).parent_path());
  fs::copy_symlink(pointer(), pointer(commit));
  // The reference cannot be renewed, as on a read-only disk, which root would not heed here.
  fs::remove(repository() + "/refs/main");
  fs::create_directory(repository() + "/refs/main");
  const HubServer& server = serve({"--commit", commit});
  const Finished run = pull_shared();
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_EQ(run.json()["files"][0]["path"], pointer(commit));
  EXPECT_THAT(run.err, HasSubstr("give the path of the file"));
  EXPECT_TRUE(server.requests("storage").empty());
}

}  // namespace
}  // namespace sapiens

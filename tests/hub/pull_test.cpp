// What a download does when the hub is as it should be.
#include <sapiens/hub.hpp>

#include "hub/pull_fixture.hpp"

namespace sapiens {
namespace {

using testing::HasSubstr;

TEST_F(Pull, BringsTheFileAndTellsWhatItIs) {
  serve();
  const Finished run = pull();
  ASSERT_EQ(run.code, 0) << run.err;
  expect_whole();
  const Json file = run.json()["files"][0];
  EXPECT_EQ(file["name"], kName);
  EXPECT_EQ(file["path"], pulled());
  EXPECT_EQ(file["bytes"], published_bytes());
  EXPECT_EQ(file["verified"], true);
  EXPECT_EQ(file["resumed_at"], 0);
  EXPECT_EQ(file["inspection"]["report"]["verdict"], "equivalent");
  EXPECT_THAT(run.err, HasSubstr("licence  CC BY-NC 4.0"));
}

TEST_F(Pull, ShowsWhatInspectSays) {
  serve();
  const Finished run = run_sapiens({"pull", kName, "--yes"});
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_EQ(run.out, run_sapiens({"inspect", pulled()}).out);
}

TEST_F(Pull, SendsTheTokenToTheHubAlone) {
  setenv("HF_TOKEN", "hf_secret", 1);
  const HubServer& server = serve({"--renamed"});
  ASSERT_EQ(pull().code, 0);
  for (const Json& request : server.requests("hub")) {
    EXPECT_EQ(request["authorization"], "Bearer hf_secret");
  }
  ASSERT_EQ(server.requests("storage").size(), 1);
  EXPECT_TRUE(server.requests("storage")[0]["authorization"].is_null());
}

TEST_F(Pull, GoesThroughAProxy) {
  const HubServer& proxy = serve();
  setenv("http_proxy", proxy.endpoint().c_str(), 1);
  setenv("no_proxy", "127.0.0.1", 1);  // the storage
  setenv("HF_ENDPOINT", "http://hub.invalid", 1);
  const Finished run = pull();
  unsetenv("http_proxy");
  unsetenv("no_proxy");
  ASSERT_EQ(run.code, 0) << run.err;
  expect_whole();
  EXPECT_THAT(proxy.requests("hub").at(0)["path"].get<std::string>(),
              testing::StartsWith("http://hub.invalid/facebook/"));
}

TEST_F(Pull, MakesANameThatCommandsTakeForAFile) {
  make_image(scratch_ / "a.png");
  const std::vector<std::vector<std::string>> commands = {
      {"inspect", kName, "--json"},
      {"features", kName, scratch_ / "a.png", "--output", scratch_ / "out", "--json"},
      {"convert", kName, scratch_ / "copy.pth", "--json"}};
  for (const auto& words : commands) {
    const Finished before = run_sapiens(words);
    EXPECT_EQ(before.code, 4) << words[0];
    EXPECT_THAT(before.json()["error"]["hint"], HasSubstr("`sapiens pull 0.3b:pretrain`"));
  }
  serve();
  ASSERT_EQ(pull().code, 0);
  for (const auto& words : commands) {
    const Finished after = run_sapiens(words);
    EXPECT_EQ(after.code, 0) << after.err;
  }
}

TEST_F(Pull, MakesANameForEveryOptionThatTakesACheckpoint) {
  const std::string image = scratch_ / "a.png", out = scratch_ / "out";
  make_image(image);
  std::vector<std::vector<std::string>> commands = {
      {"reconstruct", kName, image, "--output", out},
      {"run", image, "--pose", kName, "--output", out},
      {"pose", published_, image, "--detector", kName, "--output", out},
      {"depth", published_, image, "--seg-checkpoint", kName, "--output", out},
      {"eval", kName, "--data", scratch_.path()},
      {"bench", kName},
      {"serve", "--model", published_, "--detector", kName}};
  for (const char* task : {"pose", "seg", "depth", "normal"}) {
    commands.push_back({task, kName, image, "--output", out});
  }
  for (const auto& words : commands) {
    const Finished run = run_sapiens(words);
    EXPECT_EQ(run.code, 4) << testing::PrintToString(words) << run.err;
    EXPECT_THAT(run.err, HasSubstr("`sapiens pull 0.3b:pretrain`")) << words[0];
  }
}

TEST_F(Pull, AsksForSizeAndLicenceWithOneRequest) {
  const HubServer& server = serve();
  const Finished run = run_sapiens({"pull", kName, "--json"});
  EXPECT_EQ(run.code, 2);
  EXPECT_THAT(run.json()["error"]["hint"], HasSubstr("--yes"));
  EXPECT_EQ(server.requests("hub").size(), 1);
  EXPECT_EQ(server.requests("hub")[0]["method"], "HEAD");
  EXPECT_TRUE(server.requests("storage").empty());
  EXPECT_TRUE(cached().empty());
}

TEST_F(Pull, AnExistingFileIsNotDownloaded) {
  serve();
  ASSERT_EQ(pull().code, 0);
  const HubServer& server = serve();
  const Finished again = run_sapiens({"pull", kName, "--json"});  // and needs no agreement
  ASSERT_EQ(again.code, 0) << again.err;
  EXPECT_EQ(again.json()["files"][0]["was_there"], true);
  EXPECT_EQ(again.json()["files"][0]["verified"], true);
  EXPECT_TRUE(server.requests("storage").empty());
}

TEST_F(Pull, NeverReplacesAnotherFile) {
  serve();
  write_bytes(pulled(), "weights of my own");
  const Finished run = pull();
  EXPECT_EQ(run.code, 5);
  EXPECT_THAT(run.json()["error"]["summary"], HasSubstr("another file of this name"));
  EXPECT_EQ(read_bytes(pulled()), "weights of my own");
}

TEST_F(Pull, TakesSeveralNamesAndAFolder) {
  serve();
  const std::string folder = scratch_ / "models/sapiens";
  const Finished run = run_sapiens({"pull", kName, "detector", "--dir", folder, "--yes", "--json"});
  // The hub of the tests has the same content for both, and OpenMMLab's name tells another digest;
  // the one that the hub gives counts.
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_EQ(run.json()["files"].size(), 2);
  EXPECT_TRUE(read_bytes(folder + "/" + kFile) == read_bytes(published_));
  EXPECT_TRUE(cached().empty());
}

TEST_F(Pull, AMissingDigestIsReported) {
  serve({"--digest", "none"});
  const Finished run = pull();
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_EQ(run.json()["files"][0]["verified"], false);
  EXPECT_THAT(run.err, HasSubstr("gives no digest"));
  expect_whole();
}

TEST_F(Pull, AnIncompleteCheckpointExitsWithThree) {
  published_ = scratch_ / "incomplete.safetensors";
  make_incomplete_checkpoint(published_);
  serve();
  const Finished run = pull();
  EXPECT_EQ(run.code, 3) << run.err;
  expect_whole();
}

TEST_F(Pull, ListsWhatIsPublishedWithoutAskingTheHub) {
  const HubServer& server = serve();
  ASSERT_EQ(pull().code, 0);
  const std::size_t before = server.requests("hub").size();
  const Finished run = run_sapiens({"pull", "--list", "--json"});
  ASSERT_EQ(run.code, 0) << run.err;
  const Json list = run.json()["published"];
  EXPECT_EQ(list.size(), published_files().size());
  EXPECT_EQ(list[0]["name"], kName);
  EXPECT_EQ(list[0]["local"]["path"], pulled());
  EXPECT_TRUE(list[1]["local"].is_null());
  EXPECT_EQ(server.requests("hub").size(), before);
  EXPECT_THAT(run_sapiens({"pull", "--list"}).out, HasSubstr("facebook/sapiens-seg-0.3b"));
}

TEST_F(Pull, AMissingProgramIsReportedWithAHint) {
  const Scratch empty;
  setenv("SAPIENS_MODULE_DIR", empty.path().c_str(), 1);
  const Finished run = pull();
  const Finished list = run_sapiens({"pull", "--list"});
  unsetenv("SAPIENS_MODULE_DIR");
  EXPECT_EQ(run.code, 2);
  EXPECT_THAT(run.json()["error"]["hint"], HasSubstr("libcurl4-openssl-dev"));
  EXPECT_EQ(list.code, 0);
}

TEST_F(Pull, AnUnknownNamePointsToTheList) {
  const Finished run = run_sapiens({"pull", "2b:seg", "--yes"});
  EXPECT_EQ(run.code, 2);
  EXPECT_THAT(run.err, HasSubstr("sapiens pull --list"));
  EXPECT_EQ(run_sapiens({"pull"}).code, 2);
}

}  // namespace
}  // namespace sapiens

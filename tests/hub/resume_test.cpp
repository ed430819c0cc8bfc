// Downloads that are broken off, by either side, and go on.
#include <sys/resource.h>

#include <chrono>
#include <csignal>
#include <thread>

#include "hub/pull_fixture.hpp"

namespace sapiens {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class BrokenPull : public Pull {
 protected:
  static constexpr std::uintmax_t kSome = 50'000;

  /// Lets a slow download run until some of it has arrived, and sends `signal`.
  Finished interrupt(int signal) {
    std::signal(SIGINT, SIG_DFL);  // the program heeds one that it inherits as ignored
    serve({"--rate", "200000"});
    Running run(command());
    std::error_code no_file;
    while (fs::file_size(partial(), no_file) < kSome || no_file) {
      if (run.ended()) break;
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    run.send(signal);
    return run.wait();
  }

  /// The same command again, from a hub as quick as it can be.
  void expect_to_go_on() {
    const std::uintmax_t arrived = fs::file_size(partial());
    ASSERT_GE(arrived, kSome);
    ASSERT_LT(arrived, published_bytes());
    const HubServer& server = serve({"--rate", "100000000"});
    const Finished run = pull();
    ASSERT_EQ(run.code, 0) << run.err;
    EXPECT_EQ(run.json()["files"][0]["resumed_at"], arrived);
    EXPECT_EQ(server.requests("storage").at(0)["range"], "bytes=" + std::to_string(arrived) + "-");
    EXPECT_EQ(server.requests("storage").at(0)["status"], 206);
    expect_whole();
  }
};

TEST_F(BrokenPull, GoesOnAfterKill) {
  EXPECT_EQ(interrupt(SIGKILL).code, 128 + SIGKILL);
  EXPECT_FALSE(fs::exists(pulled()));
  expect_to_go_on();
}

TEST_F(BrokenPull, GoesOnAfterCtrlCWhichSaysSo) {
  const Finished run = interrupt(SIGINT);
  EXPECT_EQ(run.code, 130);
  EXPECT_THAT(run.err, HasSubstr("the same command goes on"));
  EXPECT_EQ(run.json()["error"]["code"], "interrupted");
  EXPECT_FALSE(fs::exists(pulled()));
  expect_to_go_on();
}

TEST_F(BrokenPull, IsToldOfByCommandsThatNeedTheFile) {
  interrupt(SIGKILL);
  const Finished inspect = run_sapiens({"inspect", kName});
  EXPECT_EQ(inspect.code, 4);
  EXPECT_THAT(inspect.err, HasSubstr("not finished"));
  EXPECT_TRUE(run_sapiens({"pull", "--list", "--json"})
                  .json()["published"][0]["local"]
                  .contains("arrived"));
}

TEST_F(BrokenPull, GoesOnWhenConnectionsDrop) {
  const HubServer& server = serve({"--drop-after", "60000"});
  const Finished run = pull();
  ASSERT_EQ(run.code, 0) << run.err;
  expect_whole();
  EXPECT_THAT(run.err, HasSubstr("next attempt"));
  const std::vector<Json> requests = server.requests("storage");
  ASSERT_GT(requests.size(), 1);
  EXPECT_TRUE(requests[0]["range"].is_null());
  for (std::size_t i = 1; i < requests.size(); ++i) {
    EXPECT_EQ(requests[i]["status"], 206);
    EXPECT_TRUE(requests[i]["if_range"].is_string());
  }
}

TEST_F(BrokenPull, GoesOnWhenAConnectionFallsSilent) {
  serve({"--stall-after", "60000", "--misbehave-times", "1"});
  const Finished run = pull({"--timeout", "1"});
  ASSERT_EQ(run.code, 0) << run.err;
  expect_whole();
}

TEST_F(BrokenPull, KeepsWhatHasArrivedWhenItGivesUp) {
  serve({"--drop-after", "60000"});
  const Finished run = pull({"--retries", "0"});
  EXPECT_EQ(run.code, 6);
  EXPECT_EQ(run.json()["error"]["code"], "network");
  EXPECT_EQ(fs::file_size(partial()), 60'000);
  expect_to_go_on();
}

TEST_F(BrokenPull, KeepsWhatHasArrivedWhenTheDiskTakesNoMore) {
  serve();
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit tight{.rlim_cur = 2 * kSome, .rlim_max = before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &tight), 0);  // the program inherits it
  const Finished run = pull();
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_EQ(run.code, 5);
  EXPECT_EQ(run.json()["error"]["code"], "write-failed");
  expect_to_go_on();
}

TEST_F(BrokenPull, StartsAfreshWhereTheHubHasAnotherFileNow) {
  interrupt(SIGKILL);
  ASSERT_EQ(run_sapiens({"synth", published_, "--arch", "tiny", "--seed", "2"}).code, 0);
  serve();
  const Finished run = pull();
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_EQ(run.json()["files"][0]["resumed_at"], 0);
  expect_whole();
}

TEST_F(BrokenPull, StartsAfreshWhereTheETagIsAnother) {
  const HubServer& server =
      serve({"--drop-after", "60000", "--misbehave-times", "2", "--new-etags"});
  ASSERT_EQ(pull().code, 0);
  expect_whole();
  for (const Json& request : server.requests("storage")) EXPECT_EQ(request["status"], 200);
}

TEST_F(BrokenPull, StartsAfreshWhereTheHubKnowsNoRanges) {
  serve({"--drop-after", "60000", "--misbehave-times", "2", "--no-ranges"});
  ASSERT_EQ(pull().code, 0);
  expect_whole();
}

TEST_F(BrokenPull, StartsAfreshWhereNothingWouldTellAnotherFile) {
  const HubServer& server =
      serve({"--drop-after", "60000", "--misbehave-times", "2", "--no-etags", "--digest", "none"});
  ASSERT_EQ(pull().code, 0);
  expect_whole();
  for (const Json& request : server.requests("storage")) EXPECT_TRUE(request["range"].is_null());
}

TEST_F(BrokenPull, StartsAfreshWithoutARecordOfWhatThePartIs) {
  interrupt(SIGKILL);
  for (const std::string record : {"", "[]", "{}", R"({"bytes": -1, "sha256": 3, "etag": {}})"}) {
    write_bytes(partial() + ".json", record);
    serve();
    const Finished run = pull();
    ASSERT_EQ(run.code, 0) << run.err;
    EXPECT_EQ(run.json()["files"][0]["resumed_at"], 0) << record;
    expect_whole();
    fs::rename(pulled(), partial());
  }
}

TEST_F(BrokenPull, ADamagedPartIsRefusedByItsDigestAndNotKept) {
  interrupt(SIGKILL);
  std::string bytes = read_bytes(partial());
  bytes[kSome / 2] = static_cast<char>(bytes[kSome / 2] ^ 1);
  write_bytes(partial(), bytes);
  serve();
  const Finished run = pull();
  EXPECT_EQ(run.code, 4);
  EXPECT_EQ(run.json()["error"]["code"], "corrupt-file");
  EXPECT_TRUE(cached().empty());
  EXPECT_EQ(pull().code, 0);
  expect_whole();
}

TEST_F(BrokenPull, AFileThatAnotherProcessDownloadsIsRefused) {
  serve({"--rate", "200000"});
  Running first(command());
  while (!fs::exists(partial()) && !first.ended()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  const Finished second = pull();
  EXPECT_EQ(second.code, 5);
  EXPECT_THAT(second.err, HasSubstr("another program"));
  ASSERT_EQ(first.wait().code, 0);
  expect_whole();
}

}  // namespace
}  // namespace sapiens

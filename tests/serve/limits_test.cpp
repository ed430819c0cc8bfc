#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <csignal>

#include "serve/server_fixture.hpp"

namespace sapiens {
namespace {

using testing::HasSubstr;

std::vector<std::string> slow_server(std::vector<std::string> more = {}) {
  more.insert(more.begin(), {"--model", Models::get().argument("pose"), "--isa", "reference"});
  return more;
}

TEST(Limits, ALargeBodyIs413BeforeItIsRead) {
  const Serving server({"--model", Models::get().argument("depth"), "--max-body", "20000"});
  const Answer whole = ask(server.port(), "POST", "/v1/depth", kPng, std::string(20001, 'x'));
  EXPECT_EQ(whole.status, 413);
  EXPECT_EQ(code_of(whole), "too-large");

  const Connection announced(server.port());
  announced.send(request_text("POST", "/v1/depth",
                              {{"Content-Type", "image/png"}, {"Content-Length", "99999999999"}}));
  EXPECT_EQ(announced.receive().status, 413);

  const Connection polite(server.port());
  polite.send(request_text(
      "POST", "/v1/depth",
      {{"Content-Type", "image/png"}, {"Content-Length", "50000"}, {"Expect", "100-continue"}}));
  const Answer refused = polite.receive();
  EXPECT_EQ(refused.status, 413);
  EXPECT_THAT(refused.body, HasSubstr("at most 20000 bytes"));

  EXPECT_EQ(ask(server.port(), "POST", "/v1/depth", kPng, Models::get().image()).status, 200);
}

TEST(Limits, AClientThatSendsALargeBodyToItsEndReadsWhyItIs413) {
  const Serving server({"--model", Models::get().argument("depth"), "--max-body", "20000"});
  const Connection stubborn(server.port());
  // More than the buffers of a connection hold.
  EXPECT_TRUE(stubborn.send(request_text("POST", "/v1/depth", kPng, std::string(50 << 20, 'x'))));
  EXPECT_EQ(code_of(stubborn.receive()), "too-large");
}

TEST(Limits, AImageOfManyPixelsIs413ByItsHeader) {
  const Serving server({"--model", Models::get().argument("depth"), "--max-pixels", "1000"});
  const Answer answer = ask(server.port(), "POST", "/v1/depth", kPng, Models::get().image());
  EXPECT_EQ(answer.status, 413);
  EXPECT_THAT(answer.body, HasSubstr("40 x 30"));
}

TEST(Limits, TooManyPersonsAre413) {
  const Serving server({"--model", Models::get().argument("pose")});
  const Answer answer =
      ask(server.port(), "POST", "/v1/pose?boxes=" + many_boxes(65), kPng, Models::get().image());
  EXPECT_EQ(answer.status, 413);
}

TEST(Limits, AFullQueueIs503AndTellsWhenToComeBack) {
  const Serving server(slow_server({"--queue", "1"}));
  std::thread slow([&] { EXPECT_EQ(ask_slowly(server.port()).status, 200); });
  server.wait_for_queue(1);
  const Answer answer = ask(server.port(), "POST", "/v1/pose", kPng, Models::get().image());
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(code_of(answer), "queue-full");
  EXPECT_GE(std::stoi(answer.header("retry-after")), 1);
  slow.join();
  EXPECT_EQ(ask(server.port(), "POST", "/v1/pose", kPng, Models::get().image()).status, 200);
}

TEST(Limits, ARequestThatTakesTooLongIs504AndIsNotComputedToItsEnd) {
  const Serving server(slow_server({"--time-limit", "0.2"}));
  const Answer answer = ask_slowly(server.port());
  EXPECT_EQ(answer.status, 504);
  EXPECT_EQ(code_of(answer), "time-limit");
  server.wait_for_queue(0);
  // Passes that were broken off are not counted.
  EXPECT_EQ(server.metric("sapiens_passes_total{model=\"pose\"}"), -1);
}

TEST(Limits, ARequestWhoseClientDisconnectedIsNotComputedToItsEnd) {
  const Serving server(slow_server());
  {
    const Connection impatient(server.port());
    impatient.send(
        request_text("POST", "/v1/pose?boxes=" + many_boxes(64), kPng, Models::get().image()));
    server.wait_for_queue(1);
  }
  while (server.metric("sapiens_requests_total{path=\"/v1/pose\",status=\"499\"}") != 1) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  EXPECT_EQ(server.metric("sapiens_passes_total{model=\"pose\"}"), -1);
}

TEST(Limits, ASlowBodyIs408) {
  const Serving server({"--model", Models::get().argument("depth"), "--time-limit", "0.2"});
  const Connection connection(server.port());
  connection.send(request_text("POST", "/v1/depth",
                               {{"Content-Type", "image/png"}, {"Content-Length", "1000"}}, "a"));
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  connection.send("b");
  EXPECT_EQ(connection.receive().status, 408);
}

TEST(Limits, BodiesBeyondTheLimitWait) {
  const Serving server({"--model", Models::get().argument("depth"), "--connections", "1"});
  const std::string request = request_text("POST", "/v1/depth", kPng, Models::get().image());
  const Connection first(server.port());
  first.send(request.substr(0, request.size() - 1));
  std::atomic<int> status = 0;
  std::thread second([&] {
    status = ask(server.port(), "POST", "/v1/depth", kPng, Models::get().image()).status;
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  EXPECT_EQ(status, 0);
  EXPECT_EQ(ask(server.port(), "GET", "/healthz").status, 200);  // has no body
  first.send(request.substr(request.size() - 1));
  EXPECT_EQ(first.receive().status, 200);
  second.join();
  EXPECT_EQ(status, 200);
}

TEST(Limits, ManyRangesOfAnAnswerAreIgnored) {
  const Serving server({"--model", Models::get().argument("depth")});
  std::string ranges = "bytes=0-";
  for (int i = 0; i < 1000; ++i) ranges += ",0-";
  const Answer answer = ask(server.port(), "GET", "/v1/models", {{"Range", ranges}});
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(Json::parse(answer.body)["models"].size(), 1u);
}

TEST(Answers, AreNeverTakenForAnotherType) {
  const Serving server({"--model", Models::get().argument("depth")});
  for (const char* path : {"/", "/app.js", "/v1/models", "/metrics", "/<script>"}) {
    EXPECT_EQ(ask(server.port(), "GET", path).header("x-content-type-options"), "nosniff") << path;
  }
  EXPECT_EQ(ask(server.port(), "FOO", "/").header("x-content-type-options"), "nosniff");
}

TEST(ThePage, LoadsNothingFromElsewhere) {
  const Serving server({"--model", Models::get().argument("depth")});
  const Answer page = ask(server.port(), "GET", "/");
  EXPECT_EQ(page.status, 200);
  EXPECT_THAT(page.header("content-type"), HasSubstr("text/html"));
  const std::string policy = page.header("content-security-policy");
  EXPECT_THAT(policy, HasSubstr("default-src 'none'"));
  EXPECT_THAT(policy, testing::Not(HasSubstr("unsafe")));
  EXPECT_THAT(page.body, testing::Not(HasSubstr("http://")));
  EXPECT_THAT(page.body, testing::Not(HasSubstr("https://")));
  // Every file that it names is there.
  for (const std::string& attribute : {std::string("href=\""), std::string("src=\"")}) {
    for (std::size_t at = 0; (at = page.body.find(attribute, at)) != std::string::npos;) {
      at += attribute.size();
      const std::string file = page.body.substr(at, page.body.find('"', at) - at);
      if (file.starts_with("data:")) continue;
      EXPECT_EQ(ask(server.port(), "GET", "/" + file).status, 200) << file;
    }
  }
}

TEST(OpenApi, DescribesEveryPath) {
  const Serving server({"--model", Models::get().argument("depth")});
  const Json document = Json::parse(ask(server.port(), "GET", "/openapi.json").body);
  EXPECT_EQ(document["openapi"], "3.0.3");
  for (const char* path : {"/healthz", "/metrics", "/v1/models"}) {
    EXPECT_TRUE(document["paths"][path].contains("get")) << path;
  }
  for (const char* path : {"/v1/features", "/v1/pose", "/v1/seg", "/v1/depth", "/v1/normal"}) {
    const Json& post = document["paths"][path]["post"];
    EXPECT_TRUE(post["requestBody"]["content"].contains("multipart/form-data")) << path;
    EXPECT_TRUE(post["responses"].contains("422")) << path;
  }
}

TEST(OpenApi, HasATokenForWhatNeedsOne) {
  Scratch folder;
  write_bytes(folder / "token", "a-secret-of-tests\n");
  const Serving server(
      {"--model", Models::get().argument("depth"), "--token-file", folder / "token"});
  const Json document = Json::parse(ask(server.port(), "GET", "/openapi.json").body);
  EXPECT_EQ(document["security"][0].begin().key(), "bearer");
  for (const auto& [path, operations] : document["paths"].items()) {
    if (!operations.contains("get")) continue;
    const bool is_open = operations["get"].contains("security");
    EXPECT_EQ(ask(server.port(), "GET", path).status, is_open ? 200 : 401) << path;
  }
}

TEST(Metrics, CountRequestsByPathAndStatus) {
  const Serving server({"--model", Models::get().argument("depth")});
  ask(server.port(), "GET", "/healthz");
  ask(server.port(), "GET", "/healthz");
  for (int i = 0; i < 3; ++i) ask(server.port(), "GET", "/nowhere" + std::to_string(i));
  EXPECT_EQ(server.metric("sapiens_requests_total{path=\"/healthz\",status=\"200\"}"), 2);
  // Strangers cannot make the list grow.
  EXPECT_EQ(server.metric("sapiens_requests_total{path=\"other\",status=\"404\"}"), 3);
  EXPECT_GE(server.metric("sapiens_request_duration_seconds_count{path=\"/healthz\"}"), 2);
  EXPECT_GT(server.metric("process_resident_memory_bytes"), 1e6);
}

class Shutdown : public testing::TestWithParam<int> {};

TEST_P(Shutdown, AnswersWhatIsUnderWayAndExitsWithZero) {
  Serving server(slow_server());
  int slow = 0, waiting = 0;
  std::thread first([&] { slow = ask_slowly(server.port()).status; });
  server.wait_for_queue(1);
  std::thread second([&] {
    waiting = ask(server.port(), "POST", "/v1/pose", kPng, Models::get().image()).status;
  });
  server.wait_for_queue(2);
  server.program().send(GetParam());
  while (Connection(server.port()).is_open()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  EXPECT_EQ(ask(server.port(), "GET", "/healthz").status, 0);  // no connection is accepted any more
  first.join();
  second.join();
  EXPECT_EQ(slow, 200);
  EXPECT_EQ(waiting, 200);
  const Finished run = server.program().wait();
  EXPECT_EQ(run.code, 0) << run.err;
}

INSTANTIATE_TEST_SUITE_P(Signals, Shutdown, testing::Values(SIGTERM, SIGINT));

TEST(SecondSignal, EndsTheServerAtOnce) {
  Serving server(slow_server());
  std::thread slow([&] { ask_slowly(server.port()); });
  server.wait_for_queue(1);
  server.program().send(SIGTERM);
  while (Connection(server.port()).is_open()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  server.program().send(SIGTERM);
  EXPECT_EQ(server.program().wait().code, 130);
  slow.join();
}

TEST(AccessLog, HasALineForEveryRequestUnlessQuiet) {
  Serving loud({"--model", Models::get().argument("depth")});
  ask(loud.port(), "GET", "/healthz");
  EXPECT_THAT(loud.program().errors_so_far(), HasSubstr("127.0.0.1 GET /healthz 200"));
  Serving quiet({"--model", Models::get().argument("depth"), "--quiet"});
  ask(quiet.port(), "GET", "/healthz");
  EXPECT_THAT(quiet.program().errors_so_far(), testing::Not(HasSubstr("healthz")));
}

}  // namespace
}  // namespace sapiens

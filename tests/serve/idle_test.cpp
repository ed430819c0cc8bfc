#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "serve/server_fixture.hpp"

// Connections that say nothing, little, or take nothing keep nobody else from being answered. None
// of these tests measures a time: with a thread for each connection they would not end.
namespace sapiens {
namespace {

class Idle : public testing::Test {
 protected:
  /// Two requests at a time, and patience without end as far as a test is concerned.
  Serving server_{{"--model", Models::get().argument("depth"), "--connections", "2"}};

  std::vector<std::unique_ptr<Connection>> connect(int count, const std::string& bytes) const {
    std::vector<std::unique_ptr<Connection>> connections;
    for (int i = 0; i < count; ++i) {
      connections.push_back(std::make_unique<Connection>(server_.port()));
      EXPECT_TRUE(connections.back()->is_open());
      connections.back()->send(bytes);
    }
    return connections;
  }

  void expect_answers() const {
    for (int i = 0; i < 3; ++i) EXPECT_EQ(ask(server_.port(), "GET", "/healthz").status, 200);
    EXPECT_EQ(ask(server_.port(), "POST", "/v1/depth", kPng, Models::get().image()).status, 200);
  }

  /// Those that are still there: what they say next is heard.
  static int count_alive(const std::vector<std::unique_ptr<Connection>>& connections,
                         const std::string& rest) {
    int alive = 0;
    for (const auto& connection : connections) {
      connection->send(rest);
      alive += connection->receive().status == 200;
    }
    return alive;
  }
};

TEST_F(Idle, IdleConnectionsDoNotDelayOthers) {
  const auto idle = connect(128, "");
  expect_answers();
  EXPECT_EQ(count_alive(idle, request_text("GET", "/healthz")), 128);
}

TEST_F(Idle, UnfinishedHeadsDoNotDelayOthers) {
  const auto slow = connect(128, "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-A: ");
  expect_answers();
  EXPECT_EQ(count_alive(slow, "b\r\n\r\n"), 128);
}

TEST_F(Idle, MoreThanThereIsRoomForLeaveItToNewOnes) {
  const auto idle = connect(600, "");
  expect_answers();
}

TEST_F(Idle, BodiesThatDoNotComeHoldUpNoQuestionAboutHealth) {
  const auto slow =
      connect(40, request_text("POST", "/v1/depth",
                               {{"Content-Type", "image/png"}, {"Content-Length", "1000"}}, "a"));
  for (const char* path : {"/healthz", "/metrics", "/v1/models", "/openapi.json", "/"}) {
    EXPECT_EQ(ask(server_.port(), "GET", path).status, 200) << path;
  }
}

TEST_F(Idle, BodiesThatPauseMakeWayForOthers) {
  const auto slow =
      connect(6, request_text("POST", "/v1/depth",
                              {{"Content-Type", "image/png"}, {"Content-Length", "1000"}}, "a"));
  EXPECT_EQ(ask(server_.port(), "POST", "/v1/depth", kPng, Models::get().image()).status, 200);
  EXPECT_EQ(slow.front()->receive().status, 408);
}

}  // namespace
}  // namespace sapiens

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <mutex>

#include "serve/server_fixture.hpp"
#include "support/sanitizers.hpp"

namespace sapiens {
namespace {

struct Kind {
  int status;
  std::string request;
};

/// Good and bad requests of every sort.
std::vector<Kind> kinds() {
  const std::string& picture = Models::get().picture();
  const auto post = [](const std::string& target, const std::string& type, const std::string& body,
                       const std::string& accept = "*/*") {
    return request_text("POST", target, {{"Content-Type", type}, {"Accept", accept}}, body);
  };
  const Form form = form_of({{"model", "features"}, {"image", picture}});
  const Json json = {{"image", encode_base64(picture)}};
  std::string damaged = picture;
  damaged[damaged.size() / 2] = static_cast<char>(~damaged[damaged.size() / 2]);
  return {
      {200, request_text("GET", "/healthz")},
      {200, post("/v1/features", form.type, form.body, "application/x-npy")},
      {200, post("/v1/seg", "image/png", picture, "image/png")},
      {200, post("/v1/depth", "application/json", json.dump())},
      {200, post("/v1/normal", "image/png", picture, "application/x-npy")},
      {200, post("/v1/pose?flip_test=false", "image/png", picture)},
      {400, post("/v1/depth", "image/png", damaged)},
      {400, post("/v1/depth", "image/png", picture.substr(0, 100))},
      {400, post("/v1/depth?layer=1", "image/png", picture)},
      {400, post("/v1/pose", form.type, form.body.substr(0, form.body.size() / 2))},
      {400, post("/v1/pose", "application/json", "{\"image\": [[[[")},
      {404, request_text("GET", "/nowhere")},
      {404, post("/v1/depth?model=x", "image/png", picture)},
      {405, request_text("GET", "/v1/depth")},
      {406, post("/v1/depth", "image/png", picture, "text/html")},
      {411, post("/v1/depth", "image/png", "")},
      {415, post("/v1/depth", "text/plain", picture)},
      {422, post("/v1/depth?model=seg", "image/png", picture)},
  };
}

class Stress : public testing::Test {
 protected:
  /// Sends `count` requests, 32 at a time.
  void send(const Serving& server, int count) {
    const std::vector<Kind> all = kinds();
    std::atomic<int> next = 0;
    std::vector<std::thread> clients;
    for (int i = 0; i < 32; ++i) {
      clients.emplace_back([&] {
        for (int number = next++; number < count; number = next++) {
          one(server, all[static_cast<std::size_t>(number) % all.size()]);
        }
      });
    }
    for (std::thread& client : clients) client.join();
  }

  void one(const Serving& server, const Kind& kind) {
    const auto start = std::chrono::steady_clock::now();
    const Connection connection(server.port());
    connection.send(kind.request);
    const Answer answer = connection.receive();
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    const std::lock_guard lock(mutex_);
    EXPECT_EQ(answer.status, kind.status) << kind.request.substr(0, 200) << "\n" << answer.body;
    seconds_.push_back(seconds);
  }

  /// The time that all but a hundredth of the requests took less than.
  double p99() {
    std::sort(seconds_.begin(), seconds_.end());
    return seconds_[seconds_.size() * 99 / 100];
  }

  std::mutex mutex_;
  std::vector<double> seconds_;
};

TEST_F(Stress, AThousandMixedRequestsLeaveTheServerAsItWas) {
  std::vector<std::string> arguments = Models::get().arguments();
  arguments.emplace_back("--quiet");
  Serving server(arguments);
  send(server, 500);
  const double before = server.metric("process_resident_memory_bytes");
  send(server, 1000);
  const double after = server.metric("process_resident_memory_bytes");
  EXPECT_EQ(ask(server.port(), "GET", "/healthz").status, 200);
  EXPECT_EQ(server.metric("sapiens_queue_requests"), 0);
  RecordProperty("p99_milliseconds", static_cast<int>(1e3 * p99()));
  RecordProperty("grown_kilobytes", static_cast<int>((after - before) / 1e3));
  // A leak of one picture, or of one answer, in each request would be 10 MB and more.
  if (!kUnderSanitizer) {
    EXPECT_LT(after - before, 8e6) << before;
  }
  server.program().send(SIGTERM);
  EXPECT_EQ(server.program().wait().code, 0);
}

}  // namespace
}  // namespace sapiens

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <mutex>
#include <random>
#include <vector>

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
  const std::string& image = Models::get().image();
  const auto post = [](const std::string& target, const std::string& type, const std::string& body,
                       const std::string& accept = "*/*") {
    return request_text("POST", target, {{"Content-Type", type}, {"Accept", accept}}, body);
  };
  const Form form = form_of({{"model", "features"}, {"image", image}});
  const Json json = {{"image", encode_base64(image)}};
  std::string damaged = image;
  damaged[damaged.size() / 2] = static_cast<char>(~damaged[damaged.size() / 2]);
  return {
      {200, request_text("GET", "/healthz")},
      {200, post("/v1/features", form.type, form.body, "application/x-npy")},
      {200, post("/v1/seg", "image/png", image, "image/png")},
      {200, post("/v1/depth", "application/json", json.dump())},
      {200, post("/v1/normal", "image/png", image, "application/x-npy")},
      {200, post("/v1/pose?flip_test=false", "image/png", image)},
      {400, post("/v1/depth", "image/png", damaged)},
      {400, post("/v1/depth", "image/png", image.substr(0, 100))},
      {400, post("/v1/depth?layer=1", "image/png", image)},
      {400, post("/v1/pose", form.type, form.body.substr(0, form.body.size() / 2))},
      {400, post("/v1/pose", "application/json", "{\"image\": [[[[")},
      {404, request_text("GET", "/nowhere")},
      {404, post("/v1/depth?model=x", "image/png", image)},
      {405, request_text("GET", "/v1/depth")},
      {406, post("/v1/depth", "image/png", image, "text/html")},
      {411, post("/v1/depth", "image/png", "")},
      {415, post("/v1/depth", "text/plain", image)},
      {422, post("/v1/depth?model=seg", "image/png", image)},
  };
}

struct Seen {
  int status;
  double milliseconds;
};

/// The time that this share of them took less than.
double quantile(std::vector<double> times, double share) {
  std::sort(times.begin(), times.end());
  return times[static_cast<std::size_t>(share * static_cast<double>(times.size()))];
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
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
    const std::lock_guard lock(mutex_);
    EXPECT_EQ(answer.status, kind.status) << kind.request.substr(0, 200) << "\n" << answer.body;
    if (kind.status != 200) expect_reason(answer);
    seen_.push_back({answer.status, took.count()});
  }

  static void expect_reason(const Answer& answer) {
    const Json document = Json::parse(answer.body, nullptr, false);
    ASSERT_TRUE(document.is_object() && document.contains("error")) << answer.body;
    const Json& error = document["error"];
    EXPECT_EQ(error["status"], answer.status);
    EXPECT_FALSE(error["code"].get<std::string>().empty());
    EXPECT_FALSE(error["summary"].get<std::string>().empty());
  }

  /// Printed for docs/server.md; not part of the test.
  void report(double before, double after) const {
    std::map<int, int> counts;
    std::vector<double> good;
    for (const Seen& one : seen_) {
      ++counts[one.status];
      if (one.status == 200) good.push_back(one.milliseconds);
    }
    std::string by_status;
    for (const auto& [status, count] : counts) {
      by_status += ' ' + std::to_string(status) + ": " + std::to_string(count);
    }
    std::printf("%zu requests, 32 at a time, by status%s\n", seen_.size(), by_status.c_str());
    std::printf("good ones: half within %.1f ms, 99 %% within %.1f ms\n", quantile(good, 0.5),
                quantile(good, 0.99));
    std::printf("resident memory: %.1f MB after 500 requests, %.1f MB after 1500\n", before / 1e6,
                after / 1e6);
  }

  std::mutex mutex_;
  std::vector<Seen> seen_;
};

TEST_F(Stress, AThousandMixedRequestsLeaveTheServerAsItWas) {
  std::vector<std::string> arguments = Models::get().arguments();
  arguments.emplace_back("--quiet");
  Serving server(arguments);
  send(server, 500);  // until most threads have their memory
  const double before = server.metric("process_resident_memory_bytes");
  send(server, 1000);
  const double after = server.metric("process_resident_memory_bytes");
  EXPECT_EQ(ask(server.port(), "GET", "/healthz").status, 200);
  EXPECT_EQ(server.metric("sapiens_queue_requests"), 0);
  report(before, after);
  // Measured: 3 to 4 MB, as the heaps of 64 threads still fill up; from 6000 requests to 10000 it
  // is 0.5 MB. A leak of 8 kB in each request, a small image or answer, is found.
  if (!kUnderSanitizer) {
    EXPECT_LT(after - before, 8e6) << before;
  }
  server.program().send(SIGTERM);
  EXPECT_EQ(server.program().wait().code, 0);
}

/// Whether these bytes are an answer with all of its body.
bool is_whole(const std::string& bytes) {
  const std::string line = "\r\nContent-Length: ";
  const std::size_t head = bytes.find("\r\n\r\n"), length = bytes.find(line);
  return bytes.starts_with("HTTP/1.1 ") && head != bytes.npos && length < head &&
         bytes.size() - head - 4 == std::stoul(bytes.substr(length + line.size()));
}

TEST_F(Stress, ASignalLeavesNoAnswerHalf) {
  const std::vector<Kind> all = kinds();
  const char* const wanted = std::getenv("SAPIENS_TEST_KILLS");
  const int rounds = wanted == nullptr ? 2 : std::atoi(wanted);
  std::mt19937 random(21);
  std::uniform_int_distribution<int> moment(0, 400);
  std::atomic<int> answered = 0, refused = 0;
  for (int round = 0; round < rounds; ++round) {
    std::vector<std::string> arguments = Models::get().arguments();
    arguments.emplace_back("--quiet");
    Serving server(arguments);
    std::atomic<bool> over = false;
    std::vector<std::thread> clients;
    for (std::size_t i = 0; i < 16; ++i) {
      clients.emplace_back([&, i] {
        for (std::size_t number = i; !over; ++number) {
          const Connection connection(server.port());
          if (!connection.is_open()) break;  // it listens no more
          connection.send(all[number % all.size()].request);
          const std::string bytes = connection.receive(std::size_t{1} << 24);
          EXPECT_TRUE(bytes.empty() || is_whole(bytes)) << bytes.substr(0, 300);
          ++(bytes.empty() ? refused : answered);
        }
      });
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(moment(random)));
    server.program().send(round % 2 == 0 ? SIGTERM : SIGINT);
    EXPECT_EQ(server.program().wait().code, 0);
    over = true;
    for (std::thread& client : clients) client.join();
  }
  EXPECT_GT(answered, 0);
  std::printf("%d requests answered whole, %d closed without an answer\n", answered.load(),
              refused.load());
}

}  // namespace
}  // namespace sapiens

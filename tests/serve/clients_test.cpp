#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <sapiens/image.hpp>
#include <tuple>

#include "serve/server_fixture.hpp"

// Clients that are slow, broken or hostile: each gets a status that says so or a closed connection,
// and the server goes on.
namespace sapiens {
namespace {

using testing::HasSubstr;

class Clients : public testing::Test {
 protected:
  explicit Clients(std::vector<std::string> more = {}) : server_(with_model(std::move(more))) {}

  static std::vector<std::string> with_model(std::vector<std::string> more) {
    more.insert(more.begin(), {"--model", Models::get().argument("depth"), "--model",
                               Models::get().argument("pose")});
    return more;
  }

  /// After whatever happened.
  void TearDown() override { EXPECT_EQ(ask(server_.port(), "GET", "/healthz").status, 200); }

  Answer send(const std::string& bytes, bool end = false) const {
    const Connection connection(server_.port());
    connection.send(bytes);
    if (end) connection.finish_sending();
    return connection.receive();
  }

  Serving server_;
};

class SlowClients : public Clients {
 protected:
  SlowClients() : Clients({"--time-limit", "1"}) {}

  /// Sends `bytes` again and again with a pause, until the other side has had enough.
  static void trickle(const Connection& connection, const std::string& bytes) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(2);
    while (connection.send(bytes)) {
      ASSERT_LT(std::chrono::steady_clock::now(), end) << "the server still listens";
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
  }
};

TEST_F(SlowClients, ClientsThatTrickleHeadersAreDisconnected) {
  const Connection line(server_.port()), headers(server_.port());
  line.send("GET /");
  headers.send("POST /v1/depth HTTP/1.1\r\n");
  std::thread other([&] { trickle(line, "a"); });
  trickle(headers, "X-A: b\r\n");
  other.join();
}

TEST_F(SlowClients, ClientsThatTrickleABodyAreDisconnected) {
  const Connection connection(server_.port());
  connection.send(request_text("POST", "/v1/depth",
                               {{"Content-Type", "image/png"}, {"Content-Length", "9999"}}, "a"));
  trickle(connection, "b");
}

TEST_F(SlowClients, SilentClientsAreDisconnectedAndOthersAnswered) {
  std::vector<std::unique_ptr<Connection>> idle;
  for (int i = 0; i < 100; ++i) {  // more than there are threads
    idle.push_back(std::make_unique<Connection>(server_.port()));
    ASSERT_TRUE(idle.back()->is_open());
  }
  EXPECT_EQ(ask(server_.port(), "GET", "/healthz").status, 200);
  for (const auto& connection : idle) EXPECT_EQ(connection->receive().status, 0);
}

TEST_F(SlowClients, ClientsThatDoNotReadTheirAnswerAreDisconnected) {
  const Serving server(with_model({"--connections", "1", "--time-limit", "1"}));
  // An answer of 36 MB: more than the buffers of a connection hold.
  const Image large{.width = 3000, .height = 3000, .rgb = std::vector<std::uint8_t>(27000000)};
  const std::vector<std::byte> png = large.encode_png();
  const Connection deaf(server.port());
  deaf.send(request_text("POST", "/v1/depth",
                         {{"Content-Type", "image/png"}, {"Accept", "application/x-npy"}},
                         {reinterpret_cast<const char*>(png.data()), png.size()}));
  EXPECT_EQ(ask(server.port(), "GET", "/healthz").status, 200);
}

TEST_F(Clients, EndlessHeadersEndTheConnection) {
  const Connection connection(server_.port());
  connection.send("GET /healthz HTTP/1.1\r\n");
  const std::string header = "X-Header: " + std::string(1000, 'a') + "\r\n";
  int sent = 0;
  while (sent < 100000 && connection.send(header)) ++sent;
  EXPECT_LT(sent, 100000) << "100 MB of headers were taken";
}

TEST_F(Clients, AHugeHeaderIs400) {
  const Answer answer =
      send("GET /healthz HTTP/1.1\r\nX-Huge: " + std::string(20000, 'a') + "\r\n\r\n");
  EXPECT_TRUE(answer.status == 400 || answer.status == 0) << answer.status;
  EXPECT_EQ(send("GET /" + std::string(9000, 'a') + " HTTP/1.1\r\nHost: localhost\r\n\r\n").status,
            414);
}

TEST_F(Clients, ABodyShorterThanItsLengthIs400) {
  const std::string& image = Models::get().image();
  const Headers longer = {{"Content-Type", "image/png"},
                          {"Content-Length", std::to_string(image.size() + 1)}};
  const Answer answer = send(request_text("POST", "/v1/depth", longer, image), true);
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(code_of(answer), "bad-body");
}

TEST_F(Clients, ABodyLongerThanItsLengthIsAnsweredOnce) {
  const std::string& image = Models::get().image();
  const std::string two = request_text("POST", "/v1/depth", kPng, image) +
                          request_text("GET", "/healthz") + std::string(1000, 'x');
  const Answer answer = send(two);
  // Where the rest arrives after the answer the kernel may take that back with a reset.
  if (answer.status != 0) {
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(Json::parse(answer.body)["task"], "depth");
  }
  EXPECT_EQ(server_.metric("sapiens_requests_total{path=\"/healthz\",status=\"200\"}"), -1);
}

TEST_F(Clients, ExpectContinueIsAnswered) {
  const std::string& image = Models::get().image();
  const std::string head = request_text("POST", "/v1/depth",
                                        {{"Content-Type", "image/png"},
                                         {"Content-Length", std::to_string(image.size())},
                                         {"Expect", "100-continue"}});
  const Connection connection(server_.port());
  connection.send(head);
  EXPECT_EQ(connection.receive(25), "HTTP/1.1 100 Continue\r\n\r\n");
  connection.send(image);
  EXPECT_EQ(connection.receive().status, 200);
}

TEST_F(Clients, ExpectContinueIsRefusedWhereTheBodyIsNotWanted) {
  for (const auto& [type, path, status] :
       {std::tuple("image/png", "/v1/other", 404), std::tuple("text/plain", "/v1/depth", 415)}) {
    const Connection connection(server_.port());
    connection.send(request_text(
        "POST", path,
        {{"Content-Type", type}, {"Content-Length", "1000"}, {"Expect", "100-continue"}}));
    const std::string start = "HTTP/1.1 " + std::to_string(status);
    EXPECT_EQ(connection.receive(start.size()), start);
  }
}

TEST_F(Clients, InvalidLengthsAre411) {
  for (const char* length : {"-1", "abc", "1e3", "0x10", "99999999999999999999999999"}) {
    const Answer answer = send(request_text(
        "POST", "/v1/depth", {{"Content-Type", "image/png"}, {"Content-Length", length}}));
    EXPECT_EQ(answer.status, 411) << length;
    EXPECT_EQ(code_of(answer), "length-required");
  }
}

TEST_F(Clients, ChunkedBodiesAre411) {
  const std::string& image = Models::get().image();
  const Answer answer = send(request_text(
      "POST", "/v1/depth", {{"Content-Type", "image/png"}, {"Transfer-Encoding", "chunked"}},
      "10\r\n" + image.substr(0, 16) + "\r\n0\r\n\r\n"));
  EXPECT_EQ(answer.status, 411);
  EXPECT_THAT(answer.body, HasSubstr("not in chunks"));
}

TEST_F(Clients, FilesAreNotServed) {
  for (const char* path :
       {"/../etc/passwd", "/../../../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/..%2f..%2fetc",
        "/app.js/../../../etc/passwd", "/app.js%00.html", "//etc/passwd", "/./app.js",
        "/page/app.js", "/\\..\\..\\etc\\passwd", "/v1/../app.js", "/file:///etc/passwd"}) {
    const Answer answer = ask(server_.port(), "GET", path);
    EXPECT_TRUE(answer.status == 404 || answer.status == 400) << path << ' ' << answer.status;
    EXPECT_THAT(answer.body, testing::Not(HasSubstr("root:"))) << path;
  }
}

std::string big_endian(std::uint32_t value) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift & 255);
  return bytes;
}

std::uint32_t crc32_of(const std::string& bytes) {
  std::uint32_t crc = ~0u;
  for (const char c : bytes) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) crc = crc & 1 ? crc >> 1 ^ 0xedb88320u : crc >> 1;
  }
  return ~crc;
}

std::string chunk(const std::string& kind, const std::string& content) {
  return big_endian(static_cast<std::uint32_t>(content.size())) + kind + content +
         big_endian(crc32_of(kind + content));
}

/// A PNG that claims to be so large and has next to nothing in it.
std::string png_bomb(std::uint32_t width, std::uint32_t height) {
  return "\x89PNG\r\n\x1a\n" +
         chunk("IHDR", big_endian(width) + big_endian(height) + std::string("\x8\x2\0\0\0", 5)) +
         chunk("IDAT", std::string("\x78\x9c\x63\x60\x60\x60\0\0\0\x04\0\x01", 12)) +
         chunk("IEND", "");
}

/// The head of a JPEG of 65535 x 65535 pixels.
std::string jpeg_bomb() {
  return std::string("\xff\xd8\xff\xc0\0\x11\x08\xff\xff\xff\xff\x03\x01\x11\0\x02\x11\0\x03\x11\0",
                     21) +
         std::string(1000, '\0');
}

TEST_F(Clients, ImageBombsAreRefusedByTheirHeader) {
  const double before = server_.metric("process_resident_memory_bytes");
  for (const std::string& bomb : {png_bomb(100000, 100000), png_bomb(0x7fffffff, 0x7fffffff),
                                  png_bomb(6000, 6000), png_bomb(1, 0x7fffffff)}) {
    const Answer answer = ask(server_.port(), "POST", "/v1/depth", kPng, bomb);
    EXPECT_TRUE(answer.status == 413 || answer.status == 400) << answer.status << answer.body;
  }
  // More than the server wants, and more than the library takes at all.
  EXPECT_EQ(ask(server_.port(), "POST", "/v1/depth", kPng, png_bomb(6000, 6000)).status, 413);
  EXPECT_THAT(ask(server_.port(), "POST", "/v1/depth", kPng, png_bomb(100000, 100000)).body,
              HasSubstr("100000 x 100000"));
  const Answer jpeg =
      ask(server_.port(), "POST", "/v1/depth", {{"Content-Type", "image/jpeg"}}, jpeg_bomb());
  EXPECT_TRUE(jpeg.status == 413 || jpeg.status == 400) << jpeg.status << jpeg.body;
  // The least of them would be 108 MB.
  EXPECT_LT(server_.metric("process_resident_memory_bytes") - before, 50e6);
}

TEST_F(Clients, InvalidNumbersAre400) {
  for (const char* boxes : {"nan,1,2,3", "1,2,inf,4", "1,2,3,-inf", "1e39,1,2,3", "1e30,1,2,3",
                            "0,0,1e38,1e38", "1,2,3,4e-400", "0x1,1,2,3"}) {
    const Answer answer = ask(server_.port(), "POST", std::string("/v1/pose?boxes=") + boxes, kPng,
                              Models::get().image());
    EXPECT_EQ(answer.status, 400) << boxes;
    EXPECT_EQ(Json::parse(answer.body)["error"]["key"], "boxes") << boxes;
  }
  const std::string body =
      R"({"image": ")" + encode_base64(Models::get().image()) + R"(", "boxes": [[NaN, 1, 2, 3]]})";
  EXPECT_EQ(
      ask(server_.port(), "POST", "/v1/pose", {{"Content-Type", "application/json"}}, body).status,
      400);
  EXPECT_EQ(
      run_sapiens({"serve", "--model", Models::get().argument("depth"), "--time-limit", "nan"})
          .code,
      2);
}

}  // namespace
}  // namespace sapiens

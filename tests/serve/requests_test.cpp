#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>

#include "serve/server_fixture.hpp"
#include "support/sanitizers.hpp"

// What requests say is taken as they say it, or refused; nothing is passed over.
namespace sapiens {
namespace {

using testing::HasSubstr;

std::string send_raw(int port, const std::string& bytes, int* status) {
  const Connection connection(port);
  connection.send(bytes);
  const Answer answer = connection.receive();
  *status = answer.status;
  return answer.body;
}

TEST(PercentTokens, AreTakenAsTheyAre) {
  for (const std::string token :
       {"abc%41def%zz", "%2541%00%0a", "100%sure-of-it", "a%2Bb+c%20d", "%%%%%%%%"}) {
    const Scratch folder;
    write_bytes(folder / "token", token + "\n");
    const Serving server(
        {"--model", Models::get().argument("depth"), "--token-file", folder / "token"});
    const auto status = [&](const std::string& given) {
      return ask(server.port(), "GET", "/v1/models", {{"Authorization", "Bearer " + given}}).status;
    };
    EXPECT_EQ(status(token), 200) << token;
    EXPECT_EQ(status("abcAdef%zz"), 401);
    EXPECT_EQ(status("abc%2541def%zz"), 401);
    EXPECT_EQ(status(token + "x"), 401);
  }
}

class Requests : public testing::Test {
 protected:
  int status(const std::string& bytes) {
    int status = 0;
    body_ = send_raw(server_.port(), bytes, &status);
    return status;
  }

  int post(const std::string& path, const Headers& headers,
           const std::string& body = Models::get().image()) {
    const Answer answer = ask(server_.port(), "POST", path, headers, body);
    body_ = answer.body;
    return answer.status;
  }

  Serving server_{
      {"--model", Models::get().argument("depth"), "--model", Models::get().argument("pose")}};
  std::string body_;
};

TEST_F(Requests, OtherHostNamesAre421) {
  for (const std::string host : {"localhost%00.evil.com",
                                 "127.",
                                 "[::1]evil.com",
                                 "localhost:80@evil.com",
                                 "127.0.0.1.evil.com",
                                 "localhost:0",
                                 "localhost:65536",
                                 "localhost:-1",
                                 "localhost:8080x",
                                 "localhost:",
                                 "localhost::80",
                                 "[::1",
                                 "[::1]:",
                                 "[::1]80",
                                 "::1",
                                 "127.0.0.1:80:80",
                                 "%6cocalhost",
                                 "localhost.",
                                 "localhost,evil.com",
                                 "user@localhost",
                                 "127.1"}) {
    EXPECT_EQ(ask(server_.port(), "GET", "/healthz", {{"Host", host}}).status, 421) << host;
  }
  for (const std::string host : {"LOCALHOST", "localhost:1", "LocalHost:65535", "127.0.0.1:8080",
                                 "127.9.9.9", "[::1]", "[0:0::1]:80"}) {
    EXPECT_EQ(ask(server_.port(), "GET", "/healthz", {{"Host", host}}).status, 200) << host;
  }
}

TEST_F(Requests, AmbiguousRequestsAre400) {
  const std::string start = "POST /v1/depth HTTP/1.1\r\nHost: localhost\r\n";
  for (const std::string headers :
       {"Content-Length: 5\r\nContent-Length: 6\r\n", "Transfer-Encoding : chunked\r\n",
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "Host: localhost\r\n",
        "X-A: b\r\n c\r\n", "X-A: b\nX-B: c\r\n", "X-A: b\rc\r\n"}) {
    EXPECT_EQ(status(start + headers + "\r\nhello"), 400) << headers;
    EXPECT_THAT(body_, HasSubstr("bad-request")) << headers;
  }
  EXPECT_EQ(status(start + std::string("X-A: b\0c\r\n", 10) + "\r\n"), 400);
  EXPECT_EQ(status("GET /healthz HTTP/1.1\r\n\r\n"), 400);
  EXPECT_EQ(status("GET /healthz HTTP/1.1\r\nHost: \r\n\r\n"), 400);
  EXPECT_EQ(status("GET /healthz HTTP/1.0\r\n\r\n"), 200);  // from before there were names
  EXPECT_EQ(status(start + "Expect: magic\r\nContent-Length: 1\r\n\r\na"), 417);
  EXPECT_EQ(server_.metric("sapiens_requests_total{path=\"other\",status=\"400\"}"), 10);
}

TEST_F(Requests, DuplicateNamesInJsonAre400) {
  const std::string image = "\"image\": \"" + encode_base64(Models::get().image()) + "\"";
  const Headers json = {{"Content-Type", "application/json"}};
  EXPECT_EQ(post("/v1/depth", json, "{" + image + "}"), 200) << body_;
  EXPECT_EQ(post("/v1/depth", json, "{" + image + ", " + image + "}"), 400);
  EXPECT_THAT(body_, HasSubstr("given twice"));
  EXPECT_EQ(post("/v1/depth", json, "{" + image + R"(, "model": "x", "model": "depth"})"), 400);
  EXPECT_EQ(post("/v1/depth", json, "{" + image + R"(, "mode\u006c": "x", "model": "depth"})"),
            400);
  EXPECT_EQ(post("/v1/pose", json, "{" + image + R"(, "boxes": {"a": 1, "a": 2}})"), 400);
  EXPECT_THAT(body_, HasSubstr("given twice"));
}

TEST_F(Requests, DuplicateFieldsInTheQueryAre400) {
  const Headers png = {{"Content-Type", "image/png"}};
  EXPECT_EQ(post("/v1/depth?model=depth", png), 200);
  EXPECT_EQ(post("/v1/depth?model=depth&model=depth", png), 400);
  EXPECT_EQ(post("/v1/depth?model=depth=x", png), 404);  // the literal text is not a known name
  EXPECT_EQ(post("/v1/depth?image=x", png), 400);
}

TEST_F(Requests, ImagesAreAcceptedUnderAllTheirTypes) {
  for (const char* type :
       {"image/jpg", "image/pjpeg", "image/x-png", "IMAGE/PNG", "image/png; charset=binary",
        "application/octet-stream", "Image/Jpeg ; a=b"}) {
    EXPECT_EQ(post("/v1/depth", {{"Content-Type", type}}), 200) << type;
  }
  for (const char* type : {"image", "image/", "image/gif", "text/plain", "image/pngx", ""}) {
    EXPECT_EQ(post("/v1/depth", {{"Content-Type", type}}), 415) << type;
  }
  const Headers same = {{"Content-Type", "image/png"}, {"Content-Encoding", "Identity"}};
  EXPECT_EQ(post("/v1/depth", same), 200);
  const Headers packed = {{"Content-Type", "image/png"}, {"Content-Encoding", "identity, gzip"}};
  EXPECT_EQ(post("/v1/depth", packed), 415);
}

TEST_F(Requests, UnexpectedFieldsAndBodiesAre400) {
  for (const char* path : {"/healthz?a=b", "/v1/models?model=depth", "/metrics?x", "/?page=2"}) {
    const Answer answer = ask(server_.port(), "GET", path);
    EXPECT_EQ(answer.status, 400) << path;
    EXPECT_THAT(answer.body, HasSubstr("takes no fields"));
  }
  EXPECT_EQ(ask(server_.port(), "GET", "/healthz", {{"Content-Length", "1"}}, "a").status, 400);
  EXPECT_EQ(ask(server_.port(), "GET", "/healthz", {{"Content-Length", "0"}}).status, 200);
  EXPECT_EQ(ask(server_.port(), "GET", "/healthz").header("accept-ranges"), "none");
}

TEST_F(Requests, ImagesBeyondTheBoundsAreRefusedByTheirHeaders) {
  // 1 x 4,000,000 grey pixels; what follows the header is not looked at.
  const std::string start("\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\x3d\x09\0\x08\0\0\0\0", 29);
  EXPECT_EQ(post("/v1/depth", {{"Content-Type", "image/png"}}, start), 400);
}

TEST(ServeWithoutMemory, IsOutOfResources) {
  if (kUnderSanitizer) GTEST_SKIP() << "sanitizers need the memory that the test forbids";
  const Scratch folder;
  int tried = 0;
  // From too little for the program of the server to enough for all but the threads: never "install
  // a library".
  for (int megabytes = 40; megabytes <= 160; megabytes += megabytes < 76 ? 3 : 28) {
    const std::string errors = folder / "errors";
    const std::string command = fmt::format(
        "ulimit -v {}; exec timeout 20 '{}' serve --model '{}' --port 0 --threads 1 2> '{}'",
        megabytes << 10, SAPIENS_PROGRAM, Models::get().argument("depth"), errors);
    const int code = WEXITSTATUS(std::system(command.c_str()));
    const std::string said = read_bytes(errors);
    if (code == 127) continue;  // not even the program could be loaded
    ++tried;
    EXPECT_TRUE(code == 5 || code == 124) << megabytes << " MB: " << code << ' ' << said;
    EXPECT_THAT(said, testing::Not(HasSubstr("install"))) << megabytes;
    if (code == 5) {
      EXPECT_THAT(said, testing::ContainsRegex("[0-9] MB")) << megabytes;
    }
  }
  EXPECT_GE(tried, 3);
}

}  // namespace
}  // namespace sapiens

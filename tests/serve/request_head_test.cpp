#include "serve/request_head.hpp"

#include <gtest/gtest.h>

#include "serve/http_message.hpp"
#include "serve/options.hpp"

namespace sapiens::serve {
namespace {

const std::string kHost = "Host: localhost\r\n";

RequestHead head_with(const std::string& headers, const std::string& line = "POST / HTTP/1.1") {
  return parse_head(line + "\r\n" + headers + "\r\n");
}

/// 0 where it is taken.
int refusal(const std::string& bytes) {
  try {
    parse_head(bytes);
    return 0;
  } catch (const HttpError& error) {
    return error.response().status;
  }
}

int refusal_of(const std::string& headers) {
  return refusal("POST / HTTP/1.1\r\n" + kHost + headers + "\r\n");
}

TEST(RequestHead, KeepsValuesAsTheyWereSent) {
  const RequestHead head = head_with(kHost +
                                     "Authorization: Bearer abc%41def%zz\r\n"
                                     "X-Blank:\t a%20b  c \t\r\n"
                                     "X-Empty:\r\n");
  EXPECT_EQ(head.method, "POST");
  EXPECT_EQ(head.target, "/");
  EXPECT_EQ(head.header("authorization"), "Bearer abc%41def%zz");
  EXPECT_EQ(head.header("x-blank"), "a%20b  c");
  EXPECT_TRUE(head.has("X-EMPTY"));
  EXPECT_EQ(head.header("X-Empty"), "");
  EXPECT_FALSE(head.has("X-None"));
}

TEST(RequestHead, HasAHundredHeadersAtMost) {
  std::string headers;
  for (std::size_t i = 1; i < kMaxHeaders; ++i) headers += "a" + std::to_string(i) + ":\r\n";
  EXPECT_EQ(refusal_of(headers), 0);
  EXPECT_EQ(refusal_of(headers + "b:\r\n"), 400);
}

TEST(RequestHead, JoinsListsAndEqualLengths) {
  const RequestHead head = head_with(kHost +
                                     "Accept: image/png\r\nAccept: */*;q=0.1\r\n"
                                     "Content-Length: 5\r\ncontent-length: 5\r\n");
  EXPECT_EQ(head.header("Accept"), "image/png, */*;q=0.1");
  EXPECT_EQ(head.header("Content-Length"), "5");
}

TEST(RequestHead, DecodesTheQueryAndKeepsWhatIsSaidTwice) {
  const RequestHead head = head_with(kHost, "POST /v1/pose?a=1&a=1&b=x%3D+y=z&c&&d= HTTP/1.1");
  using Fields = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ(head.query, (Fields{{"a", "1"}, {"a", "1"}, {"b", "x= y=z"}, {"c", ""}, {"d", ""}}));
  for (const char* query : {"a=%", "a=%4", "a=%zz", "a%00=1", "a=1%00"}) {
    EXPECT_EQ(refusal("POST /?" + std::string(query) + " HTTP/1.1\r\n" + kHost + "\r\n"), 400)
        << query;
  }
}

TEST(RequestHead, RefusesWhatTwoReadersCouldTakeForTwoThings) {
  for (const char* headers : {"Transfer-Encoding : chunked\r\n",
                              "Transfer-Encoding\t: chunked\r\n",
                              "Content-Length: 5\r\nContent-Length: 6\r\n",
                              "Content-Length: 5\r\nContent-Length: 05\r\n",
                              "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
                              "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
                              "Host: other\r\n",
                              "Host: localhost\r\n",
                              "host: localhost\r\n",
                              "Authorization: Bearer a\r\nAuthorization: Bearer b\r\n",
                              "Origin: http://a\r\nOrigin: http://b\r\n",
                              "Content-Type: image/png\r\nContent-Type: application/json\r\n",
                              "X-A: b\r\n folded\r\n",
                              "X-A: b\r\n\tfolded\r\n",
                              "X-A: b\n",
                              "X-A: b\rX-B: c\r\n",
                              "X-A: b\nX-B: c\r\n",
                              "X A: b\r\n",
                              "X-A\r\n",
                              ": b\r\n",
                              "X-A: a\x01"
                              "b\r\n",
                              "X-\xc3\xa4: b\r\n",
                              "Content-Range: bytes 0-1/2\r\n"}) {
    EXPECT_EQ(refusal_of(headers), 400) << headers;
  }
  EXPECT_EQ(refusal_of(std::string("X-A: a\0b\r\n", 10)), 400);
  EXPECT_EQ(refusal_of("X-A: b\r\nX-a: c\r\nTransfer-Encoding: chunked\r\n"), 0);
  EXPECT_EQ(refusal_of("X-Latin: \xe4\r\n"), 0);
}

TEST(RequestHead, NeedsAHost) {
  EXPECT_EQ(refusal("GET / HTTP/1.1\r\n\r\n"), 400);
  EXPECT_EQ(refusal("GET / HTTP/1.0\r\n\r\n"), 0);
}

TEST(RequestHead, RefusesOtherRequestLines) {
  for (const char* line :
       {"", " ", "GET", "GET /", "GET  / HTTP/1.1", "GET / HTTP/2.0", "GET / http/1.1",
        "GET /a b HTTP/1.1", "G@T / HTTP/1.1", "GET a HTTP/1.1", "GET http://a/ HTTP/1.1",
        "GET /a#b HTTP/1.1", "GET /\x7f HTTP/1.1", "GET / HTTP/1.1 "}) {
    EXPECT_EQ(refusal(line + ("\r\n" + kHost) + "\r\n"), 400) << line;
  }
  EXPECT_EQ(refusal("GET /" + std::string(9000, 'a') + " HTTP/1.1\r\n" + kHost + "\r\n"), 414);
}

TEST(RequestHead, SaysWhatItCannotMeetOrHold) {
  EXPECT_EQ(refusal_of("Expect: 100-Continue\r\n"), 0);
  EXPECT_EQ(refusal_of("Expect: 200-ok\r\n"), 417);
  EXPECT_EQ(refusal_of("Expect:\r\n"), 417);
  EXPECT_EQ(refusal_of("X-A: " + std::string(9000, 'a') + "\r\n"), 400);
  std::string many;
  for (int i = 0; i < 100; ++i) many += "X-A: " + std::string(1000, 'a') + "\r\n";
  EXPECT_EQ(refusal_of(many), 400);
}

TEST(RequestHead, EndsWithAnEmptyLineHoweverThatIsWritten) {
  EXPECT_EQ(end_of_head("GET / HTTP/1.1\r\nA: b\r\n\r\nbody"), 24u);
  EXPECT_EQ(end_of_head("a\n\nbody"), 3u);
  EXPECT_EQ(end_of_head("a\n\r\nbody"), 4u);
  EXPECT_EQ(end_of_head("GET / HTTP/1.1\r\nA: b\r\n"), std::string_view::npos);
  EXPECT_EQ(end_of_head(""), std::string_view::npos);
}

TEST(Loopback, IsOnlyTheNamesOfThisMachine) {
  for (const char* host :
       {"localhost", "LOCALHOST", "127.0.0.1", "127.255.0.3", "::1", "[::1]", "0:0:0:0:0:0:0:1"}) {
    EXPECT_TRUE(is_loopback(host)) << host;
  }
  for (const char* host : {"",
                           "127.",
                           "127",
                           "127.1",
                           "127.0.0",
                           "127.0.0.1.",
                           "127.0.0.256",
                           "127.0.0.1.evil.com",
                           "0127.0.0.1",
                           "localhost.",
                           "localhost.evil.com",
                           "localhost%00.evil.com",
                           "[::1",
                           "::1]",
                           "[::1]evil.com",
                           "[[::1]]",
                           "[]",
                           "::2",
                           "::ffff:8.8.8.8",
                           "128.0.0.1",
                           "0.0.0.0",
                           "localhost ",
                           " localhost",
                           "evil.com"}) {
    EXPECT_FALSE(is_loopback(host)) << host;
  }
  EXPECT_FALSE(is_loopback(std::string_view("127.0.0.1\0.evil.com", 19)));
}

}  // namespace
}  // namespace sapiens::serve

#include "serve/request_head.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "serve/http_message.hpp"

namespace sapiens::serve {
namespace {

constexpr std::size_t kMaxShown = 80;  // of what was sent, in messages

HttpError bad_head(std::string what, std::string_view line = {}) {
  return HttpError(400, "bad-request",
                   {.summary = "this is not a request that can be understood",
                    .expected = std::move(what),
                    .actual = std::string(line.substr(0, kMaxShown))});
}

char small_letter(char c) noexcept { return 'A' <= c && c <= 'Z' ? static_cast<char>(c + 32) : c; }

bool is_token(std::string_view text) noexcept {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::ranges::all_of(text, [&](char c) {
    return ('0' <= c && c <= '9') || ('a' <= small_letter(c) && small_letter(c) <= 'z') ||
           kMarks.find(c) != std::string_view::npos;
  });
}

bool is_control(char c) noexcept { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

/// The next line without its end. Throws for one that is not ended by CR LF alone.
std::string_view take_line(std::string_view& bytes) {
  const std::size_t end = bytes.find("\r\n");
  const std::string_view line = bytes.substr(0, end);
  bytes.remove_prefix(end == bytes.npos ? bytes.size() : end + 2);
  if (line.find_first_of(std::string_view("\r\n\0", 3)) != line.npos || end == bytes.npos) {
    throw bad_head("lines that end with CR LF, and neither CR, LF nor NUL in them");
  }
  return line;
}

void read_request_line(std::string_view line, RequestHead& head) {
  const std::size_t first = line.find(' '), last = line.rfind(' ');
  if (first == line.npos || first == last) {
    throw bad_head("a request line: METHOD /path HTTP/1.1", line);
  }
  head.method = line.substr(0, first);
  head.target = line.substr(first + 1, last - first - 1);
  head.version = line.substr(last + 1);
  if (head.target.size() > kMaxLineBytes) {
    throw HttpError(414, "bad-request",
                    {.summary = "the path is too long",
                     .expected = fmt::format("at most {} bytes", kMaxLineBytes)});
  }
  const bool is_clean = std::ranges::none_of(
      head.target, [](char c) { return is_control(c) || c == ' ' || c == '#'; });
  if (!is_token(head.method) || !head.target.starts_with('/') || !is_clean ||
      (head.version != "HTTP/1.1" && head.version != "HTTP/1.0")) {
    throw bad_head("a request line: METHOD /path HTTP/1.1", line);
  }
}

int hex_digit(char c) noexcept {
  if ('0' <= c && c <= '9') return c - '0';
  const char small = small_letter(c);
  return 'a' <= small && small <= 'f' ? small - 'a' + 10 : -1;
}

std::string decode_query_part(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i] == '+' ? ' ' : text[i];
      continue;
    }
    const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
    const int low = high < 0 ? -1 : hex_digit(text[i + 2]);
    if (low < 0 || high * 16 + low == 0) throw bad_head("%XX in the query, but not %00", text);
    decoded += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return decoded;
}

// The library would drop what is said twice in the same words.
void read_query(RequestHead& head) {
  const std::size_t mark = head.target.find('?');
  if (mark == head.target.npos) return;
  for (std::string_view rest = std::string_view(head.target).substr(mark + 1); !rest.empty();) {
    const std::string_view field = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(field.size() + 1, rest.size()));
    if (field.empty()) continue;
    const std::size_t equals = std::min(field.find('='), field.size());
    head.query.emplace_back(decode_query_part(field.substr(0, equals)),
                            decode_query_part(field.substr(std::min(equals + 1, field.size()))));
  }
}

void read_header(std::string_view line, RequestHead& head) {
  if (line.size() > kMaxLineBytes) {
    throw bad_head(fmt::format("headers of at most {} bytes each", kMaxLineBytes), line);
  }
  if (head.headers.size() == kMaxHeaders) {
    throw bad_head(fmt::format("at most {} headers", kMaxHeaders));
  }
  const std::size_t colon = line.find(':');
  const std::string_view name = line.substr(0, colon);
  if (colon == line.npos || !is_token(name)) {
    throw bad_head("headers `Name: value`, each in one line, without a blank before the colon",
                   line);
  }
  const std::string_view value = without_blanks(line.substr(colon + 1));
  if (std::ranges::any_of(value, [](char c) { return is_control(c) && c != '\t'; })) {
    throw bad_head("no control characters in headers", name);
  }
  head.headers.emplace_back(name, value);
}

/// What is said once, or not at all; two readers would take one value each.
constexpr std::string_view kSingle[] = {"Host",          "Content-Type",  "Content-Encoding",
                                        "Content-Range", "Authorization", "Sec-Fetch-Site",
                                        "Origin",        "Expect",        "Transfer-Encoding"};

void expect_single_headers(const RequestHead& head) {
  const auto count = [&](std::string_view name) {
    return std::ranges::count_if(
        head.headers, [&](const auto& header) { return is_same_name(header.first, name); });
  };
  for (const std::string_view name : kSingle) {
    if (count(name) > 1) throw bad_head(fmt::format("one header {}", name));
  }
  std::string_view length;
  for (const auto& [name, value] : head.headers) {
    if (!is_same_name(name, "Content-Length")) continue;
    if (!length.empty() && value != length) throw bad_head("one Content-Length", value);
    length = value;
  }
}

void expect_clear_meaning(const RequestHead& head) {
  expect_single_headers(head);
  const bool has_host = head.has("Host");
  if (has_host ? head.header("Host").empty() : head.version == "HTTP/1.1") {
    throw bad_head("a header Host with a name");
  }
  if (head.has("Content-Length") && head.has("Transfer-Encoding")) {
    throw bad_head("Content-Length or Transfer-Encoding, not both");
  }
  if (head.has("Content-Range")) throw bad_head("a whole body, without Content-Range");
  const std::string expectation = head.header("Expect");
  if (head.has("Expect") && !is_same_name(expectation, "100-continue")) {
    throw HttpError(417, "bad-request",
                    {.summary = "this expectation cannot be met",
                     .key = "Expect",
                     .expected = "100-continue",
                     .actual = expectation.substr(0, kMaxShown)});
  }
}

}  // namespace

std::string_view without_blanks(std::string_view text) noexcept {
  constexpr std::string_view kBlanks = " \t";
  const std::size_t first = text.find_first_not_of(kBlanks);
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

bool is_same_name(std::string_view a, std::string_view b) noexcept {
  return std::ranges::equal(a, b, {}, small_letter, small_letter);
}

std::string RequestHead::header(std::string_view name) const {
  std::string joined;
  bool first = true;
  for (const auto& [own, value] : headers) {
    if (!is_same_name(own, name)) continue;
    // Equal lengths are one.
    if (!first && is_same_name(name, "Content-Length")) continue;
    joined += (first ? "" : ", ") + value;
    first = false;
  }
  return joined;
}

bool RequestHead::has(std::string_view name) const {
  return std::ranges::any_of(headers,
                             [&](const auto& header) { return is_same_name(header.first, name); });
}

std::size_t end_of_head(std::string_view bytes) noexcept {
  for (std::size_t end = bytes.find('\n'); end != bytes.npos; end = bytes.find('\n', end + 1)) {
    const std::string_view rest = bytes.substr(end + 1);
    if (rest.starts_with("\r\n")) return end + 3;
    if (rest.starts_with('\n')) return end + 2;
  }
  return bytes.npos;
}

RequestHead parse_head(std::string_view bytes) {
  if (bytes.size() > kMaxHeadBytes) {
    throw bad_head(
        fmt::format("a request line and headers of {} KiB at most", kMaxHeadBytes >> 10));
  }
  RequestHead head;
  read_request_line(take_line(bytes), head);
  read_query(head);
  for (std::string_view line = take_line(bytes); !line.empty(); line = take_line(bytes)) {
    read_header(line, head);
  }
  expect_clear_meaning(head);
  return head;
}

}  // namespace sapiens::serve

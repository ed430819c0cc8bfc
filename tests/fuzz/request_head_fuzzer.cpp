// Any bytes as the head of a request, and what the server concludes from its headers. A head that
// is accepted means one thing only: written again line by line, it is read as the same.
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "fuzz/support/check.hpp"
#include "fuzz/support/entry_points.hpp"
#include "serve/access.hpp"
#include "serve/http_message.hpp"
#include "serve/media_types.hpp"
#include "serve/request_head.hpp"

namespace {

using namespace sapiens;
using namespace sapiens::serve;
using fuzz::check;

constexpr const char* kToken = "a-token-of-the-server";

std::string written(const RequestHead& head) {
  std::string text = head.method + ' ' + head.target + ' ' + head.version + "\r\n";
  for (const auto& [name, value] : head.headers) text += name + ':' + value + "\r\n";
  return text + "\r\n";
}

bool passes(const Request& request, const ServerOptions& options,
            void (*look)(const Request&, const ServerOptions&)) {
  try {
    look(request, options);
    return true;
  } catch (const HttpError& error) {
    const int status = error.response().status;
    check(status == 401 || status == 403 || status == 421);
    return false;
  }
}

void check_access(const RequestHead& head) {
  const Request request{
      .method = head.method,
      .path = head.target,
      .header = [&](const char* name) { return head.header(name); },
  };
  const std::string given = head.header("Authorization");
  const bool has_token = given.size() == 7 + std::string_view(kToken).size() &&
                         is_same_name(given.substr(0, 7), "Bearer ") && given.ends_with(kToken);
  check(passes(request, {.token = kToken}, authorize) == has_token);
  if (!passes(request, {}, check_same_origin)) return;
  const std::string host = head.header("Host");
  if (!host.empty()) {
    const std::string_view name = std::string_view(host).substr(0, host.rfind(':'));
    check(is_loopback(host) || is_loopback(name));
  }
  const std::string site = head.header("Sec-Fetch-Site");
  check(head.method != "POST" || site.empty() || site == "same-origin" || site == "none");
}

void check_types(const RequestHead& head) {
  constexpr std::array<std::string_view, 3> kOffered = {kJsonType, kNpyType, kPngType};
  const std::string_view chosen = choose_type(head.header("Accept"), kOffered);
  check(chosen.empty() || std::ranges::find(kOffered, chosen) != kOffered.end());
  check(bare_type(head.header("Content-Type")).find(';') == std::string::npos);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes = fuzz::text_of(data, size);
  RequestHead head;
  try {
    head = parse_head(bytes.substr(0, end_of_head(bytes)));
  } catch (const HttpError& error) {
    const int status = error.response().status;
    check(status == 400 || status == 414 || status == 417);
    return 0;
  }
  const std::string text = written(head);
  check(end_of_head(text) == text.size());
  const RequestHead again = parse_head(text);
  check(again.method == head.method && again.target == head.target &&
        again.version == head.version && again.query == head.query &&
        again.headers == head.headers);
  check_access(head);
  check_types(head);
  return 0;
}

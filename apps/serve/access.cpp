#include "serve/access.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <string_view>
#include <system_error>

#include "core/open_file.hpp"
#include "core/parse_number.hpp"
#include "serve/http_message.hpp"
#include "serve/request_head.hpp"

namespace sapiens::serve {
namespace {

constexpr std::size_t kMaxTokenBytes = 1024;

Error unreadable_token(const std::filesystem::path& path, int error_number) {
  return Error(ErrorCode::NotFound, {.summary = "the token cannot be read",
                                     .file = path.string(),
                                     .actual = std::generic_category().message(error_number)});
}

bool is_port(std::string_view text) {
  const int port = parse_number<int>(text).value_or(0);
  return 1 <= port && port <= 65535;
}

/// `is_loopback` of the name in "localhost:8080"; nothing but a name and a port may stand there.
bool names_this_machine(std::string_view host) {
  const std::size_t end = host.starts_with('[') ? host.find(']') : host.find(':');
  const std::size_t length = host.starts_with('[') && end != host.npos ? end + 1 : end;
  const std::string_view name = host.substr(0, length);
  if (name.size() == host.size()) return is_loopback(name);
  const std::string_view port = host.substr(name.size());
  return port.starts_with(':') && is_port(port.substr(1)) && is_loopback(name);
}

HttpError from_another_site(const char* header, const std::string& value) {
  return HttpError(403, "cross-site",
                   {.summary = "requests from pages of other sites are refused",
                    .key = header,
                    .actual = value.substr(0, 200)});
}

/// A browser says whose page sends a request, but only to servers that it holds to be safe; to
/// others it still tells the page's origin. What says neither is no browser.
void expect_own_page(const Request& request) {
  const std::string site = request.header("Sec-Fetch-Site");
  if (site == "same-origin" || site == "none") return;
  if (!site.empty()) throw from_another_site("Sec-Fetch-Site", site);
  const std::string origin = request.header("Origin");
  if (origin.empty()) return;
  const std::size_t scheme = origin.find("://");
  if (scheme != origin.npos && is_same_name(origin.substr(scheme + 3), request.header("Host")))
    return;
  throw from_another_site("Origin", origin);
}

}  // namespace

// A page of another site can make a browser send forms here, and a name that it points at this
// machine (DNS rebinding) lets it read the answers. Neither gets past a token.
void check_same_origin(const Request& request, const ServerOptions& options) {
  if (!options.token.empty()) return;
  if (request.method == "POST") expect_own_page(request);
  const std::string host = request.header("Host");
  if (is_loopback(options.host) && !host.empty() && !names_this_machine(host)) {
    throw HttpError(421, "wrong-host",
                    {.summary = "this server is for its own machine",
                     .key = "Host",
                     .expected = "localhost or 127.0.0.1",
                     .actual = host.substr(0, 200),
                     .hint = "behind a proxy, let it set Host, or start the server with a token"});
  }
}

void authorize(const Request& request, const ServerOptions& options) {
  if (options.token.empty()) return;
  constexpr std::string_view kScheme = "Bearer ";
  const std::string given = request.header("Authorization");
  const bool bearer = is_same_name(std::string_view(given).substr(0, kScheme.size()), kScheme);
  if (bearer && is_token(std::string_view(given).substr(kScheme.size()), options.token)) return;
  throw HttpError(401, "unauthorized",
                  {.summary = "this needs the server's token",
                   .key = "Authorization",
                   .expected = "Bearer TOKEN",
                   .actual = given.empty() ? "none"
                             : bearer      ? "another token"
                                           : "another scheme"},
                  {{"WWW-Authenticate", bearer ? "Bearer realm=\"sapiens\", error=\"invalid_token\""
                                               : "Bearer realm=\"sapiens\""}});
}

bool is_loopback(std::string_view host) noexcept {
  if (is_same_name(host, "localhost")) return true;
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  char text[INET6_ADDRSTRLEN] = {};
  if (host.size() >= sizeof(text) || host.find('\0') != host.npos) return false;
  host.copy(text, host.size());
  // Anybody can have a name that begins with 127., but none that is an address.
  in_addr address{};
  if (inet_pton(AF_INET, text, &address) == 1) return ntohl(address.s_addr) >> 24 == 127;
  in6_addr long_address{};
  return inet_pton(AF_INET6, text, &long_address) == 1 && IN6_IS_ADDR_LOOPBACK(&long_address);
}

bool is_token(std::string_view given, std::string_view token) noexcept {
  // All given bytes are compared, so that the time depends only on their number.
  unsigned difference = given.size() == token.size() ? 0 : 1;
  for (std::size_t i = 0; i < given.size(); ++i) {
    const char expected = token.empty() ? '\0' : token[i % token.size()];
    difference |= static_cast<unsigned char>(given[i]) ^ static_cast<unsigned char>(expected);
  }
  return difference == 0;
}

std::string read_token(const std::filesystem::path& path, std::chrono::milliseconds wait) {
  // O_NONBLOCK, because opening a pipe that nobody writes to would wait for ever.
  const Descriptor file(
      uninterrupted([&] { return ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK); }));
  if (file.number() < 0) throw unreadable_token(path, errno);
  std::string text(kMaxTokenBytes + 2, '\0');  // with the end of its line
  std::size_t count = 0;
  const auto deadline = Clock::now() + wait;
  while (count < text.size() && text.find('\n') >= count) {
    pollfd ready = {.fd = file.number(), .events = POLLIN, .revents = 0};
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    const int polled = uninterrupted(
        [&] { return ::poll(&ready, 1, std::max(0, static_cast<int>(left.count()))); });
    if (polled <= 0) throw unreadable_token(path, polled == 0 ? ETIMEDOUT : errno);
    const ::ssize_t more = uninterrupted(
        [&] { return ::read(file.number(), text.data() + count, text.size() - count); });
    if (more < 0) throw unreadable_token(path, errno);
    if (more == 0) break;
    count += static_cast<std::size_t>(more);
  }
  if (count == 0) throw unreadable_token(path, ENODATA);
  std::string line = text.substr(0, std::min(count, text.find('\n')));
  if (line.ends_with('\r')) line.pop_back();
  expect_token(line, path.string());
  return line;
}

void expect_token(std::string_view token, const std::string& source) {
  constexpr std::size_t kMin = 8;
  const bool printable =
      std::all_of(token.begin(), token.end(), [](char c) { return '!' <= c && c <= '~'; });
  if (printable && kMin <= token.size() && token.size() <= kMaxTokenBytes) return;
  throw Error(ErrorCode::InvalidArgument,
              {.summary = "this is no token",
               .file = source,
               .expected = "8 to 1024 printable ASCII characters without spaces",
               .hint = "make one with `head -c 24 /dev/urandom | base64`"});
}

}  // namespace sapiens::serve

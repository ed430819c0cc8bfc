#include "serve/access.hpp"

#include <algorithm>
#include <string_view>

#include "serve/http_error.hpp"
#include "serve/secrets.hpp"

namespace sapiens::serve {
namespace {

/// Not the locale's.
char lower(char c) noexcept { return 'A' <= c && c <= 'Z' ? static_cast<char>(c + 32) : c; }

bool is_same(std::string_view a, std::string_view b) noexcept {
  return std::ranges::equal(a, b, {}, lower, lower);
}

/// "localhost" of "localhost:8080".
std::string host_name(const std::string& host) {
  if (host.starts_with('[')) return host.substr(0, host.find(']') + 1);
  return host.substr(0, host.find(':'));
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
  if (scheme != origin.npos && is_same(origin.substr(scheme + 3), request.header("Host"))) return;
  throw from_another_site("Origin", origin);
}

}  // namespace

// A page of another site can make a browser send forms here, and a name that it points at this
// machine (DNS rebinding) lets it read the answers. Neither gets past a token.
void expect_browser_means_it(const Request& request, const ServerOptions& options) {
  if (!options.token.empty()) return;
  if (request.method == "POST") expect_own_page(request);
  const std::string host = request.header("Host");
  if (is_loopback(options.host) && !host.empty() && !is_loopback(host_name(host))) {
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
  const bool bearer = is_same(std::string_view(given).substr(0, kScheme.size()), kScheme);
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
  if (is_same(host, "localhost") || host == "::1" || host == "[::1]") return true;
  // Anybody can have a name that begins with 127., but none of digits and dots alone.
  return host.starts_with("127.") && host.find_first_not_of("0123456789.") == host.npos;
}

}  // namespace sapiens::serve

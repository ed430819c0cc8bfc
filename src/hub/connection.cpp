#include "hub/connection.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <sapiens/version.hpp>
#include <string_view>

#include "hub/environment.hpp"
#include "hub/origin.hpp"

namespace sapiens::hub {
namespace {

constexpr int kMaxRedirects = 10;
constexpr double kMaxConnectSeconds = 20;
constexpr std::size_t kMaxHeaders = 200;
constexpr const char* kLinked = "x-linked-";
constexpr const char* kCommit = "x-repo-commit";
// Limit for the body of an error response, which is not used.
constexpr std::size_t kMaxIgnored = std::size_t{1} << 20;
constexpr double kMinTimeout = 1, kMaxTimeout = 3600;

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) {
    return 'A' <= c && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return out;
}

std::string_view trimmed(std::string_view text) {
  const auto is_space = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

/// Headers in which the hub describes a file, also where it redirects to a storage.
bool is_about_file(std::string_view name) { return name.starts_with(kLinked) || name == kCommit; }

bool has_content(int status) { return status == 200 || status == 206; }

/// Collects headers and hands content on.
class Listener final : public Receiver {
 public:
  Listener(const Ear& ear, Answer& answer) : ear_(ear), answer_(answer) {}

  void header(std::string_view line) override {
    if (line.starts_with("HTTP/")) {
      // Interim responses (100 Continue) have headers of their own.
      std::erase_if(answer_.headers,
                    [](const auto& header) { return !is_about_file(header.first); });
      const std::size_t space = line.find(' ');
      answer_.status = space == std::string_view::npos
                           ? 0
                           : std::atoi(std::string(line.substr(space + 1)).c_str());
      return;
    }
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || answer_.headers.size() >= kMaxHeaders) return;
    std::string name = lower(trimmed(line.substr(0, colon)));
    std::string value(trimmed(line.substr(colon + 1)));
    if (is_about_file(name)) {
      answer_.headers.emplace(std::move(name), std::move(value));  // the first hop's stays
    } else {
      answer_.headers[std::move(name)] = std::move(value);
    }
  }

  bool body(std::span<const std::byte> bytes) override {
    if (!has_content(answer_.status)) return (ignored_ += bytes.size()) <= kMaxIgnored;
    if (!ear_.body) return true;
    begin();
    ear_.body(bytes);
    return true;
  }

  void heartbeat() override {
    if (ear_.heartbeat) ear_.heartbeat();
  }

  void begin() {
    if (begun_ || !ear_.begin) return;
    begun_ = true;
    ear_.begin(answer_);
  }

 private:
  const Ear& ear_;
  Answer& answer_;
  bool begun_ = false;
  std::size_t ignored_ = 0;
};

/// Without a query: those of storages are signatures, hundreds of characters that grant access.
std::string shown(const std::string& url) { return url.substr(0, url.find('?')); }

void expect_response(const Response& response, const std::string& url) {
  if (response.outcome == Outcome::Done) return;
  if (response.outcome == Outcome::Dropped) {
    throw Transient{
        Error(ErrorCode::Network, {.summary = "the connection to the hub failed",
                                   .file = shown(url),
                                   .actual = response.reason,
                                   .hint = "check the network and proxies (https_proxy); what has "
                                           "arrived is kept, and the same command goes on"})};
  }
  throw Error(ErrorCode::Network,
              {.summary = "the hub cannot be reached",
               .file = shown(url),
               .actual = response.reason,
               .hint = "if a mirror or proxy of your own is meant to answer, name the certificates "
                       "that it is signed with in SSL_CERT_FILE"});
}

std::string next_address(const std::string& url, const Response& response) {
  const std::string& next = response.redirect;
  const std::string origin = origin_of(next);
  const bool downgrade = origin.starts_with("http:") && origin_of(url).starts_with("https:");
  if (!origin.empty() && !downgrade) return next;
  throw Error(ErrorCode::Network,
              {.summary = downgrade ? "the hub redirects to an address that is not encrypted"
                                    : "the hub redirects to something that is no web address",
               .file = shown(url),
               .actual = shown(next)});
}

void expect_online() {
  if (!is_set("HF_HUB_OFFLINE")) return;
  throw Error(ErrorCode::InvalidArgument,
              {.summary = "the hub is not asked, because the environment forbids it",
               .key = "HF_HUB_OFFLINE",
               .hint = "unset it to download; files that are on this machine are found by their "
                       "names without a request"});
}

// libcurl takes whole seconds, and 0 for no limit.
double checked_timeout(double seconds) {
  if (kMinTimeout <= seconds && seconds <= kMaxTimeout) return seconds;
  throw Error(ErrorCode::InvalidArgument,
              {.summary = "a connection cannot be given that time",
               .key = "timeout",
               .expected = fmt::format("{} to {} seconds", kMinTimeout, kMaxTimeout),
               .actual = fmt::format("{}", seconds)});
}

}  // namespace

std::string Answer::header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? "" : found->second;
}

Connection::Connection(const HubOptions& options)
    : endpoint_(options.endpoint.empty() ? environment("HF_ENDPOINT") : options.endpoint),
      token_(find_token(options.token)),
      certificates_(environment("SSL_CERT_FILE")),
      timeout_(checked_timeout(options.timeout)) {
  if (endpoint_.empty()) endpoint_ = "https://huggingface.co";
  while (endpoint_.ends_with('/')) endpoint_.pop_back();
  if (!origin_of(endpoint_).empty()) return;
  throw Error(ErrorCode::InvalidArgument, {.summary = "the address of the hub is none",
                                           .key = "HF_ENDPOINT",
                                           .expected = "https://huggingface.co, or a mirror of it",
                                           .actual = endpoint_});
}

Answer Connection::ask(const std::string& url) { return follow(url, {}, {}, true); }

Answer Connection::fetch(const std::string& url, const std::vector<std::string>& headers,
                         const Ear& ear) {
  return follow(url, headers, ear, false);
}

Answer Connection::follow(std::string url, const std::vector<std::string>& headers, const Ear& ear,
                          bool head) {
  expect_online();
  const std::string home = origin_of(endpoint_);
  Answer answer;
  for (int hop = 0; hop <= kMaxRedirects; ++hop) {
    std::vector<std::string> lines = headers;
    if (!token_.text.empty() && origin_of(url) == home) {
      lines.push_back("Authorization: Bearer " + token_.text);
    }
    answer.url = shown(url);
    Listener listener(ear, answer);
    const Response response = perform(url, std::move(lines), head, listener);
    expect_response(response, url);
    answer.status = response.status;
    const bool has_size_and_etag =
        !answer.header("x-linked-size").empty() && !answer.header("x-linked-etag").empty();
    const bool redirected =
        300 <= response.status && response.status < 400 && !response.redirect.empty();
    if (redirected && head && has_size_and_etag && origin_of(response.redirect) != home) {
      answer.status = 200;
      answer.headers.erase("content-type");  // of the redirect
      return answer;
    }
    if (!redirected) {
      if (has_content(answer.status) && !head) listener.begin();  // also of an empty body
      return answer;
    }
    url = next_address(url, response);
  }
  throw Error(ErrorCode::Network, {.summary = "the hub redirects in circles", .file = shown(url)});
}

Response Connection::perform(const std::string& url, std::vector<std::string> headers, bool head,
                             Receiver& receiver) {
  // Content as it is, or sizes and ranges would be those of something else.
  headers.push_back("Accept-Encoding: identity");
  headers.push_back("User-Agent: sapiens/" SAPIENS_VERSION);
  return transfer_.perform(
      {.url = url,
       .head = head,
       .headers = std::move(headers),
       .certificates = certificates_,
       .connect_seconds = static_cast<long>(std::min(timeout_, kMaxConnectSeconds)),
       .idle_seconds = static_cast<long>(timeout_)},
      receiver);
}

}  // namespace sapiens::hub

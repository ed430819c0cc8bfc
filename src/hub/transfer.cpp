// The module sapiens_transfer: the only code that is linked to libcurl, and with it to thirty
// libraries, and to libcrypto, which is one of them. Loaded once, never unloaded.
#include <curl/curl.h>
#include <openssl/evp.h>
#include <pthread.h>

#include <csignal>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <memory>
#include <new>
#include <string>

#include "hub/module.hpp"

namespace sapiens::hub {
namespace {

// OpenSSL writes to sockets whose other end may be gone. Libraries do not change what a process
// does with signals, so SIGPIPE is held back in this thread and taken out again.
class NoBrokenPipe {
 public:
  NoBrokenPipe() {
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  ~NoBrokenPipe() {
    if (sigismember(&before_, SIGPIPE)) return;
    const timespec now{};
    while (sigtimedwait(&pipe_, nullptr, &now) == SIGPIPE) continue;
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  NoBrokenPipe(const NoBrokenPipe&) = delete;
  NoBrokenPipe& operator=(const NoBrokenPipe&) = delete;

 private:
  sigset_t pipe_, before_;
};

std::size_t hear_header(const char* bytes, std::size_t, std::size_t count, void* receiver) {
  std::size_t length = count;
  while (length > 0 && (bytes[length - 1] == '\n' || bytes[length - 1] == '\r')) --length;
  return static_cast<Receiver*>(receiver)->header(bytes, length) ? count : 0;
}

std::size_t hear_body(const char* bytes, std::size_t, std::size_t count, void* receiver) {
  // Anything but `count` stops a transfer, and none of one byte or more has a count of 0.
  return static_cast<Receiver*>(receiver)->body(bytes, count) ? count : 0;
}

int hear_progress(void* receiver, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<Receiver*>(receiver)->go_on() ? 0 : 1;
}

Outcome outcome_of(CURLcode code) {
  switch (code) {
    case CURLE_OK:
      return Outcome::Done;
    case CURLE_WRITE_ERROR:
    case CURLE_ABORTED_BY_CALLBACK:
      return Outcome::Stopped;
    case CURLE_OUT_OF_MEMORY:
      return Outcome::OutOfMemory;
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_PARTIAL_FILE:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
      return Outcome::Dropped;
    default:
      return Outcome::Failed;
  }
}

class CurlClient final : public Client {
 public:
  explicit CurlClient(CURL* handle) : handle_(handle) {}
  ~CurlClient() override { curl_easy_cleanup(handle_); }
  CurlClient(const CurlClient&) = delete;
  CurlClient& operator=(const CurlClient&) = delete;

  Outcome perform(const Request& request, Receiver& receiver,
                  Response& response) noexcept override {
    curl_slist* headers = nullptr;
    for (const char* const* line = request.headers; *line; ++line) {
      curl_slist* const longer = curl_slist_append(headers, *line);
      if (!longer) {
        curl_slist_free_all(headers);
        return Outcome::OutOfMemory;
      }
      headers = longer;
    }
    prepare(request, receiver);
    curl_easy_setopt(handle_, CURLOPT_HTTPHEADER, headers);
    const CURLcode code = run();
    curl_slist_free_all(headers);
    return describe(code, response);
  }

 private:
  void prepare(const Request& request, Receiver& receiver) {
    curl_easy_reset(handle_);  // connections stay
    reason_[0] = '\0';
    curl_easy_setopt(handle_, CURLOPT_ERRORBUFFER, reason_);
    curl_easy_setopt(handle_, CURLOPT_URL, request.url);
    // CURLOPT_PROTOCOLS_STR has replaced this one, after the release that Debian 12 has.
#if LIBCURL_VERSION_NUM >= 0x075500
    curl_easy_setopt(handle_, CURLOPT_PROTOCOLS_STR, "http,https");
#else
    curl_easy_setopt(handle_, CURLOPT_PROTOCOLS, CURLPROTO_HTTP | CURLPROTO_HTTPS);
#endif
    curl_easy_setopt(handle_, CURLOPT_NOBODY, request.head ? 1L : 0L);
    curl_easy_setopt(handle_, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(handle_, CURLOPT_CONNECTTIMEOUT, static_cast<long>(request.connect_seconds));
    curl_easy_setopt(handle_, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(handle_, CURLOPT_LOW_SPEED_TIME, static_cast<long>(request.idle_seconds));
    curl_easy_setopt(handle_, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    if (request.certificates) curl_easy_setopt(handle_, CURLOPT_CAINFO, request.certificates);
    curl_easy_setopt(handle_, CURLOPT_HEADERFUNCTION, hear_header);
    curl_easy_setopt(handle_, CURLOPT_HEADERDATA, &receiver);
    curl_easy_setopt(handle_, CURLOPT_WRITEFUNCTION, hear_body);
    curl_easy_setopt(handle_, CURLOPT_WRITEDATA, &receiver);
    curl_easy_setopt(handle_, CURLOPT_XFERINFOFUNCTION, hear_progress);
    curl_easy_setopt(handle_, CURLOPT_XFERINFODATA, &receiver);
    curl_easy_setopt(handle_, CURLOPT_NOPROGRESS, 0L);
  }

  CURLcode run() {
    const NoBrokenPipe quiet;
    return curl_easy_perform(handle_);
  }

  Outcome describe(CURLcode code, Response& response) {
    long status = 0;
    char* redirect = nullptr;
    curl_easy_getinfo(handle_, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(handle_, CURLINFO_REDIRECT_URL, &redirect);
    if (reason_[0] == '\0') {
      std::snprintf(reason_, sizeof reason_, "%s", curl_easy_strerror(code));
    }
    response = {.status = static_cast<int>(status), .redirect = redirect, .reason = reason_};
    return outcome_of(code);
  }

  CURL* handle_;
  char reason_[CURL_ERROR_SIZE] = "";
};

class Sha256 final : public Digest {
 public:
  explicit Sha256(EVP_MD_CTX* context) : context_(context) {}
  ~Sha256() override { EVP_MD_CTX_free(context_); }
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  bool add(const void* bytes, std::size_t count) noexcept override {
    return EVP_DigestUpdate(context_, bytes, count) == 1;
  }
  bool finish(unsigned char (&digest)[32]) noexcept override {
    return EVP_DigestFinal_ex(context_, digest, nullptr) == 1;
  }

 private:
  EVP_MD_CTX* context_;
};

Client* open_client() noexcept {
  CURL* const handle = curl_easy_init();
  if (!handle) return nullptr;
  Client* const client = new (std::nothrow) CurlClient(handle);
  if (!client) curl_easy_cleanup(handle);
  return client;
}

Digest* start_digest() noexcept {
  EVP_MD_CTX* const context = EVP_MD_CTX_new();
  if (!context) return nullptr;
  Digest* digest = nullptr;
  if (EVP_DigestInit_ex(context, EVP_sha256(), nullptr) == 1) {
    digest = new (std::nothrow) Sha256(context);
  }
  if (!digest) EVP_MD_CTX_free(context);
  return digest;
}

struct FreeCurl {
  void operator()(char* text) const { curl_free(text); }
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};

bool origin(const char* address, char* text, std::size_t size) noexcept {
  const std::unique_ptr<CURLU, FreeCurl> url(curl_url());
  if (!url || curl_url_set(url.get(), CURLUPART_URL, address, 0) != CURLUE_OK) return false;
  std::unique_ptr<char, FreeCurl> parts[3];
  const CURLUPart wanted[] = {CURLUPART_SCHEME, CURLUPART_HOST, CURLUPART_PORT};
  for (int i = 0; i < 3; ++i) {
    char* part = nullptr;
    if (curl_url_get(url.get(), wanted[i], &part, CURLU_DEFAULT_PORT) != CURLUE_OK) return false;
    parts[i].reset(part);
  }
  const bool web =
      std::strcmp(parts[0].get(), "http") == 0 || std::strcmp(parts[0].get(), "https") == 0;
  const int length =
      std::snprintf(text, size, "%s://%s:%s", parts[0].get(), parts[1].get(), parts[2].get());
  return web && 0 < length && static_cast<std::size_t>(length) < size;
}

constexpr Module kModule = {
    .version = kModuleVersion, .open = open_client, .start_digest = start_digest, .origin = origin};

}  // namespace
}  // namespace sapiens::hub

extern "C" __attribute__((visibility("default"))) const sapiens::hub::Module*
sapiens_transfer_module() noexcept {
  static const bool ready = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
  return ready ? &sapiens::hub::kModule : nullptr;
}

// With origin.cpp the only file that knows libcurl, which brings thirty libraries along.
#include "hub/transfer.hpp"

#include <curl/curl.h>
#include <pthread.h>

#include <csignal>
#include <ctime>
#include <exception>

#include "hub/refusals.hpp"

namespace sapiens::hub {
namespace {

/// OpenSSL writes to sockets whose other end may be gone. Libraries do not change what a process
/// does with signals, so SIGPIPE is held back in this thread and taken out again.
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

/// A receiver as the functions that libcurl calls know it: no exception may pass through C.
struct Guarded {
  Receiver& receiver;
  std::exception_ptr thrown = {};

  /// False where the transfer is to stop.
  bool call(const auto& action) noexcept {
    try {
      return action(receiver);
    } catch (...) {
      thrown = std::current_exception();
      return false;
    }
  }
};

// Anything but `count` stops a transfer, and none of one byte or more has a count of 0.
std::size_t hear_header(const char* bytes, std::size_t, std::size_t count, void* receiver) {
  std::string_view line(bytes, count);
  while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
  const bool goes_on = static_cast<Guarded*>(receiver)->call([&](Receiver& to) {
    to.header(line);
    return true;
  });
  return goes_on ? count : 0;
}

std::size_t hear_body(const char* bytes, std::size_t, std::size_t count, void* receiver) {
  const bool goes_on = static_cast<Guarded*>(receiver)->call(
      [&](Receiver& to) { return to.body(std::as_bytes(std::span(bytes, count))); });
  return goes_on ? count : 0;
}

int hear_progress(void* receiver, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  const bool goes_on = static_cast<Guarded*>(receiver)->call([](Receiver& to) {
    to.heartbeat();
    return true;
  });
  return goes_on ? 0 : 1;
}

Outcome outcome_of(CURLcode code) {
  switch (code) {
    case CURLE_OK:
    case CURLE_WRITE_ERROR:
    case CURLE_ABORTED_BY_CALLBACK:
      return Outcome::Done;
    case CURLE_OUT_OF_MEMORY:
      fail_for_memory();
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

void prepare(CURL* handle, const Request& request, Guarded& receiver) {
  curl_easy_reset(handle);  // connections stay
  curl_easy_setopt(handle, CURLOPT_URL, request.url.c_str());
  // CURLOPT_PROTOCOLS_STR has replaced this one, after the release that Debian 12 has.
#if LIBCURL_VERSION_NUM >= 0x075500
  curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
#else
  curl_easy_setopt(handle, CURLOPT_PROTOCOLS, CURLPROTO_HTTP | CURLPROTO_HTTPS);
#endif
  curl_easy_setopt(handle, CURLOPT_NOBODY, request.head ? 1L : 0L);
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT, request.connect_seconds);
  curl_easy_setopt(handle, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(handle, CURLOPT_LOW_SPEED_TIME, request.idle_seconds);
  curl_easy_setopt(handle, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  if (!request.certificates.empty()) {
    curl_easy_setopt(handle, CURLOPT_CAINFO, request.certificates.c_str());
  }
  curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, hear_header);
  curl_easy_setopt(handle, CURLOPT_HEADERDATA, &receiver);
  curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, hear_body);
  curl_easy_setopt(handle, CURLOPT_WRITEDATA, &receiver);
  curl_easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, hear_progress);
  curl_easy_setopt(handle, CURLOPT_XFERINFODATA, &receiver);
  curl_easy_setopt(handle, CURLOPT_NOPROGRESS, 0L);
}

struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

std::unique_ptr<curl_slist, FreeList> list_of(const std::vector<std::string>& lines) {
  std::unique_ptr<curl_slist, FreeList> list;
  for (const std::string& line : lines) {
    curl_slist* const longer = curl_slist_append(list.get(), line.c_str());
    if (!longer) fail_for_memory();
    static_cast<void>(list.release());  // it is part of the longer one, or that itself
    list.reset(longer);
  }
  return list;
}

}  // namespace

Transfer::Transfer() {
  static const bool ready = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
  if (ready) handle_.reset(curl_easy_init());
  if (!handle_) fail_for_memory();
}

void Transfer::Close::operator()(void* handle) const { curl_easy_cleanup(handle); }

Response Transfer::perform(const Request& request, Receiver& receiver) {
  CURL* const handle = handle_.get();
  const auto headers = list_of(request.headers);
  char reason[CURL_ERROR_SIZE] = "";
  Guarded guarded{receiver};
  prepare(handle, request, guarded);
  curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, reason);
  const CURLcode code = [&] {
    const NoBrokenPipe quiet;
    return curl_easy_perform(handle);
  }();
  // What the receiver threw is why the transfer ended, whatever libcurl calls that.
  if (guarded.thrown) std::rethrow_exception(guarded.thrown);
  long status = 0;
  char* redirect = nullptr;
  curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
  curl_easy_getinfo(handle, CURLINFO_REDIRECT_URL, &redirect);
  return {.outcome = outcome_of(code),
          .status = static_cast<int>(status),
          .redirect = redirect ? redirect : "",
          .reason = reason[0] == '\0' ? curl_easy_strerror(code) : reason};
}

}  // namespace sapiens::hub

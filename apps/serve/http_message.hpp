#pragma once

#include <functional>
#include <map>
#include <sapiens/error.hpp>
#include <sapiens/stop_check.hpp>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "serve/options.hpp"

namespace sapiens::serve {

/// One part of a multipart/form-data body.
struct FormPart {
  std::string name;
  std::string content;
};

struct Body {
  std::string bytes = {};            ///< Of anything but a form.
  std::vector<FormPart> parts = {};  ///< Of a form, in its order.
};

/// A request whose body has not been read yet.
struct Request {
  std::string method;
  std::string path;
  std::string remote = {};  ///< Address of the client.
  std::multimap<std::string, std::string> query = {};
  Clock::time_point deadline = {};
  /// Whether the client has hung up, and will take no answer.
  std::function<bool()> is_gone = {};
  /// The value of a header, whatever its case; empty where there is none.
  std::function<std::string(const char* name)> header = {};
  /// Reads the body. Throws HttpError: 400 for a broken one, 408, 413.
  std::function<Body()> read_body = {};
};

struct Response {
  int status = 200;
  std::string type = {};
  std::string body = {};
  std::vector<std::pair<std::string, std::string>> headers = {};
};

/// A request that is not answered, and why.
class HttpError : public std::runtime_error {
 public:
  using Headers = std::vector<std::pair<std::string, std::string>>;

  /// `code` names the reason for programs, as in "wrong-task".
  HttpError(int status, std::string_view code, ErrorDetail detail, Headers headers = {})
      : std::runtime_error(detail.summary),
        status_(status),
        code_(code),
        detail_(std::move(detail)),
        headers_(std::move(headers)) {}

  /// What the library found wrong with a request.
  explicit HttpError(const Error& error);

  /// `{"error": {status, code, summary, key, expected, actual, hint}}`
  Response response() const;

 private:
  int status_;
  std::string code_;
  ErrorDetail detail_;
  Headers headers_;
};

/// For a path that is none.
HttpError unknown_path(const std::string& path);

/// Throws HttpError: 499 where the client has hung up, 504 once the time limit has passed.
void expect_wanted(const Request& request, const Limits& limits);

/// The same as what long steps may call often: it looks every `limits.look_pause` seconds. Borrows
/// both.
StopCheck wanted_check(const Request& request, const Limits& limits);

}  // namespace sapiens::serve

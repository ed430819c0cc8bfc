#pragma once

#include <sapiens/error.hpp>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "serve/http_message.hpp"

namespace sapiens::serve {

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

}  // namespace sapiens::serve

#pragma once

#include <httplib.h>

#include <cstdint>
#include <optional>
#include <string>

#include "serve/http_message.hpp"

namespace sapiens::serve {

/// What `httplib::Request::progress` is asked, of which the library makes no use of its own.
enum Question : std::uint64_t { kIsThere, kIsFastEnough };

/// Nothing for what is no length.
std::optional<std::size_t> length_of(const std::string& text);

/// Reads the body of one request.
class BodyReader {
 public:
  /// Borrows all of them.
  BodyReader(const httplib::Request& request, const httplib::ContentReader* reader,
             const Limits& limits, Clock::time_point deadline);

  /// Throws HttpError: 400, 408, 411, 413, 415.
  Body read() const;

 private:
  void expect_length() const;
  bool in_time() const { return Clock::now() <= deadline_; }
  bool read_bytes(Body& body) const;
  bool read_form(Body& body) const;

  const httplib::Request& request_;
  const httplib::ContentReader* reader_;
  const Limits& limits_;
  const Clock::time_point deadline_;
  const std::optional<std::size_t> length_;
};

}  // namespace sapiens::serve

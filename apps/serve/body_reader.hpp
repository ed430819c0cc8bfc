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

/// Reads the body of a request, which has come by `deadline`. Throws HttpError: 400, 408, 411, 413,
/// 415.
Body read_body(const httplib::Request& request, const httplib::ContentReader* reader,
               const Limits& limits, Clock::time_point deadline);

}  // namespace sapiens::serve

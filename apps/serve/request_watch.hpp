#pragma once

#include <sapiens/stop_check.hpp>

#include "serve/http_message.hpp"

namespace sapiens::serve {

/// Throws HttpError: 499 where the client has hung up, 504 once the time limit has passed.
void expect_wanted(const Request& request, const Limits& limits);

/// The same as what long steps may call often: it looks every `limits.look_pause` seconds. Borrows
/// both.
StopCheck wanted_check(const Request& request, const Limits& limits);

}  // namespace sapiens::serve

#include "serve/request_watch.hpp"

#include <fmt/format.h>

#include "serve/http_error.hpp"

namespace sapiens::serve {

void expect_wanted(const Request& request, const Limits& limits) {
  if (request.is_gone && request.is_gone()) {
    // The status that nginx has for it; the log and the metrics tell it, and nobody else.
    throw HttpError(499, "client-gone", {.summary = "the client has hung up"});
  }
  if (Clock::now() < request.deadline) return;
  throw HttpError(504, "time-limit",
                  {.summary = "the request took too long",
                   .expected = fmt::format("an answer within {} s", limits.seconds),
                   .hint = "send a smaller image, fewer persons, or fewer requests at once"});
}

StopCheck wanted_check(const Request& request, const Limits& limits) {
  const auto pause =
      std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(limits.look_pause));
  return [&request, &limits, pause, next = Clock::now() + pause]() mutable {
    const Clock::time_point now = Clock::now();
    if (now < next) return;
    next = now + pause;
    expect_wanted(request, limits);
  };
}

}  // namespace sapiens::serve

#include "serve/http_message.hpp"

#include <fmt/format.h>

#include "documents/json.hpp"
#include "serve/media_types.hpp"

namespace sapiens::serve {
namespace {

int status_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::InvalidArgument:
    case ErrorCode::CorruptFile:
    case ErrorCode::UnsupportedFormat:
    case ErrorCode::ShapeMismatch:
    case ErrorCode::NotFound:
      return 400;
    case ErrorCode::OutOfResources:
      return 503;
    default:
      return 500;  // not about the request
  }
}

}  // namespace

HttpError::HttpError(const Error& error)
    : HttpError(status_of(error.code()), error_code_name(error.code()), error.detail()) {}

Response HttpError::response() const {
  documents::Json error = {{"status", status_}};
  error.update(documents::error_json(code_, detail_));
  return {.status = status_,
          .type = kJsonType,
          .body = json_text({{"error", std::move(error)}}),
          .headers = headers_};
}

HttpError unknown_path(const std::string& path) {
  return HttpError(404, "unknown-path",
                   {.summary = "there is nothing here",
                    .actual = path,
                    .hint = "GET /openapi.json tells what there is"});
}

void expect_wanted(const Request& request, const Limits& limits) {
  if (request.is_gone && request.is_gone()) {
    // The status that nginx uses; it appears only in the log and the metrics.
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

#include "serve/http_error.hpp"

#include "documents/error_json.hpp"
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

}  // namespace sapiens::serve

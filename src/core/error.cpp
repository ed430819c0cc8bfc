#include "sapiens/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

namespace sapiens {
namespace {

std::string render(ErrorCode code, const ErrorDetail& detail) {
  std::string text = fmt::format("[{}] {}", error_code_name(code), detail.summary);
  const auto field = [&](std::string_view name, const std::string& value) {
    if (!value.empty()) fmt::format_to(std::back_inserter(text), "\n  {:<9} {}", name, value);
  };
  field("file:", detail.file);
  field("key:", detail.key);
  field("expected:", detail.expected);
  field("actual:", detail.actual);
  field("hint:", detail.hint);
  std::ranges::replace(text, '\0', '?');  // in keys of hostile files; what() would end there
  return text;
}

// What to do about a damaged file is the same wherever the damage was found.
ErrorDetail with_next_step(ErrorCode code, ErrorDetail detail) {
  if (code == ErrorCode::CorruptFile && detail.hint.empty()) {
    detail.hint = "the file is damaged or incomplete; fetch or copy it again";
  }
  return detail;
}

}  // namespace

std::string_view error_code_name(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::InvalidArgument:
      return "invalid-argument";
    case ErrorCode::NotFound:
      return "not-found";
    case ErrorCode::CorruptFile:
      return "corrupt-file";
    case ErrorCode::UnsupportedFormat:
      return "unsupported-format";
    case ErrorCode::CheckpointRefused:
      return "checkpoint-refused";
    case ErrorCode::ShapeMismatch:
      return "shape-mismatch";
    case ErrorCode::OutOfResources:
      return "out-of-resources";
    case ErrorCode::UnsupportedHardware:
      return "unsupported-hardware";
    case ErrorCode::WriteFailed:
      return "write-failed";
    case ErrorCode::Network:
      return "network";
    case ErrorCode::Internal:
      return "internal";
  }
  return "unknown";
}

Error::Error(ErrorCode code, ErrorDetail detail)
    : std::runtime_error(render(code, with_next_step(code, detail))),
      code_(code),
      detail_(with_next_step(code, std::move(detail))) {}

}  // namespace sapiens

#include "sapiens/error.hpp"

#include <fmt/format.h>

#include <iterator>
#include <utility>

#include "sapiens/printable.hpp"

namespace sapiens {
namespace {

// Lines of a summary after the first are indented; any other line break came from a name and is
// escaped.
std::string printable_summary(std::string_view summary) {
  std::string text;
  while (true) {
    const std::size_t end = summary.find("\n  ");
    text += printable(summary.substr(0, end));
    if (end == std::string_view::npos) return text;
    text += "\n  ";
    summary.remove_prefix(end + 3);
  }
}

std::string render(ErrorCode code, const ErrorDetail& detail) {
  std::string text =
      fmt::format("[{}] {}", error_code_name(code), printable_summary(detail.summary));
  const auto field = [&](std::string_view name, const std::string& value) {
    if (value.empty()) return;
    fmt::format_to(std::back_inserter(text), "\n  {:<9} {}", name, printable(value));
  };
  field("file:", detail.file);
  field("key:", detail.key);
  field("expected:", detail.expected);
  field("actual:", detail.actual);
  field("hint:", detail.hint);
  return text;
}

// The advice for a damaged file does not depend on where the damage was found.
ErrorDetail completed(ErrorCode code, ErrorDetail detail) {
  if (!detail.option.empty()) detail.key = detail.option;
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
    : std::runtime_error(render(code, completed(code, detail))),
      code_(code),
      detail_(completed(code, std::move(detail))) {}

}  // namespace sapiens

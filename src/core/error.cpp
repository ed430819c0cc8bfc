#include "sapiens/error.hpp"

#include <fmt/format.h>

#include <exception>
#include <filesystem>
#include <iterator>
#include <new>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

#include "core/memory_in_use.hpp"
#include "sapiens/current_error.hpp"
#include "sapiens/option_names.hpp"
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

// The advice for a damaged file does not depend on where the damage was found, and std::bad_alloc
// does not say how much memory was asked for.
ErrorDetail completed(ErrorCode code, ErrorDetail detail) {
  if (!detail.option.empty()) detail.key = detail.option;
  if (code == ErrorCode::CorruptFile && detail.hint.empty()) {
    detail.hint = "the file is damaged or incomplete; fetch or copy it again";
  }
  if (code == ErrorCode::OutOfResources && detail.actual.empty()) {
    detail.actual = memory_in_use();
  }
  return detail;
}

bool is_shortage(const std::error_code& code) {
  return code == std::errc::resource_unavailable_try_again ||
         code == std::errc::not_enough_memory || code == std::errc::no_space_on_device ||
         code == std::errc::too_many_files_open || code == std::errc::too_many_files_open_in_system;
}

Error shortage(std::string summary) {
  return Error(ErrorCode::OutOfResources,
               {.summary = std::move(summary),
                .hint = "use a smaller batch, fewer threads, or a machine with more memory"});
}

Error unexpected(std::string what) {
  return Error(ErrorCode::Internal,
               {.summary = std::move(what), .hint = "please report this as a bug"});
}

/// Of the file system's own questions and lists; the functions that read and write say more.
Error unreadable(const std::filesystem::filesystem_error& error) {
  return Error(is_shortage(error.code()) ? ErrorCode::OutOfResources : ErrorCode::NotFound,
               {.summary = "the file or folder cannot be examined",
                .file = error.path1().string(),
                .actual = error.code() == std::errc::not_enough_memory
                              ? error.code().message() + "; " + memory_in_use()
                              : error.code().message()});
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

std::string with_option_names(std::string_view text, OptionName name) {
  std::string spelled;
  while (name != nullptr) {
    const std::size_t open = text.find('`');
    const std::size_t close = open == text.npos ? open : text.find('`', open + 1);
    if (close == text.npos) break;
    const std::string_view known = name(text.substr(open + 1, close - open - 1));
    // Behind an unknown word the second backquote may open the next word.
    const std::size_t end = known.empty() ? close : close + 1;
    spelled += text.substr(0, known.empty() ? end : open);
    spelled += known;
    text.remove_prefix(end);
  }
  return spelled.append(text);
}

Error current_error() {
  try {
    throw;
  } catch (const Error& error) {
    return error;
  } catch (const std::bad_alloc&) {
    return shortage("memory ran out");
  } catch (const std::length_error&) {  // a container exceeded its max_size
    return shortage("memory ran out");
  } catch (const std::filesystem::filesystem_error& error) {
    return unreadable(error);
  } catch (const std::system_error& error) {
    if (is_shortage(error.code())) return shortage(error.what());
    return unexpected(error.what());
  } catch (const std::exception& error) {
    return unexpected(error.what());
  } catch (...) {
    return unexpected("an exception of an unknown type");
  }
}

}  // namespace sapiens

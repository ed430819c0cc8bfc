#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace sapiens {

/// Stable, documented categories: the CLI maps them to exit codes, the C API to status values.
enum class ErrorCode {
  InvalidArgument,      ///< An option or a call is invalid.
  NotFound,             ///< A file does not exist or may not be read.
  CorruptFile,          ///< A file of a known format violates it, or ends too early.
  UnsupportedFormat,    ///< A file has an unsupported format; `hint` says how to convert it.
  CheckpointRefused,    ///< Weights do not match the model; nothing was computed.
  ShapeMismatch,        ///< An array has the wrong shape.
  OutOfResources,       ///< Memory or disk ran out.
  UnsupportedHardware,  ///< This CPU lacks the requested instructions.
  WriteFailed,          ///< An output could not be written.
  Network,              ///< A server cannot be reached, or its connections keep breaking.
  Internal,             ///< An internal error, which is a bug of this library.
};

/// The name of a code as in messages: "corrupt-file". A static string.
std::string_view error_code_name(ErrorCode code) noexcept;

/// The parts of an error message. Empty fields do not appear in the message. Texts name options as
/// sapiens/option_names.hpp describes.
struct ErrorDetail {
  std::string summary = {};  ///< One sentence, no trailing period.
  std::string file = {};     ///< Path as given by the caller, and the place inside of the file.
  std::string key = {};      ///< State-dict key, archive entry or option name.
  /// Name of the field of an options struct that caused the error, such as "input_size"; `key` then
  /// has the same value.
  std::string option = {};
  std::string expected = {};  ///< What would have been valid.
  std::string actual = {};    ///< What was given or found.
  std::string hint = {};      ///< What to try next.
};

/// The only exception type that the library itself throws. Besides it, exceptions of callbacks pass
/// through, and std::bad_alloc may be thrown; `current_error` converts all of them. `what()` is the
/// complete message and may have several lines.
class Error : public std::runtime_error {
 public:
  /// Formats the message from the fields of `detail`. For OutOfResources without `actual`, that
  /// becomes the memory in use and its limits.
  Error(ErrorCode code, ErrorDetail detail);

  /// The category.
  ErrorCode code() const noexcept { return code_; }
  /// The parts of the message.
  const ErrorDetail& detail() const noexcept { return detail_; }

 private:
  ErrorCode code_;
  ErrorDetail detail_;
};

}  // namespace sapiens

#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace sapiens {

/// Stable, documented categories: the CLI maps them to exit codes, the C API to status values.
enum class ErrorCode {
  InvalidArgument,      ///< An option or a call that cannot be carried out as asked.
  NotFound,             ///< A file that does not exist or may not be read.
  CorruptFile,          ///< A file of a known format that breaks its rules, or ends too early.
  UnsupportedFormat,    ///< A file that is something else; `hint` says what to do with it.
  CheckpointRefused,    ///< Weights that do not add up to the model; nothing was computed.
  ShapeMismatch,        ///< A tensor of the wrong size was handed in.
  OutOfResources,       ///< Memory or disk ran out.
  UnsupportedHardware,  ///< This CPU cannot run what was asked for.
  WriteFailed,          ///< An output could not be written.
  Network,              ///< A server that cannot be reached, or breaks off again and again.
  Internal,             ///< A bug of ours.
};

/// The name of a code as messages show it: "corrupt-file".
std::string_view error_code_name(ErrorCode code) noexcept;

/// Everything a person needs to fix the problem without opening a debugger.
/// Empty fields are left out of the message. Texts name options as sapiens/option_names.hpp says.
struct ErrorDetail {
  std::string summary = {};  ///< One sentence, no trailing period.
  std::string file = {};     ///< As the caller spelled it, plus where inside it.
  std::string key = {};      ///< State-dict key, archive entry or option name.
  /// The field of an options struct that it is about: "input_size". It is the key then.
  std::string option = {};
  std::string expected = {};
  std::string actual = {};
  std::string hint = {};  ///< What to try next.
};

/// The one exception type that leaves the library. `what()` is the whole text, several lines long.
class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, ErrorDetail detail);

  ErrorCode code() const noexcept { return code_; }
  const ErrorDetail& detail() const noexcept { return detail_; }

 private:
  ErrorCode code_;
  ErrorDetail detail_;
};

}  // namespace sapiens

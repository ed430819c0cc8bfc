#pragma once

#include <cstdint>
#include <filesystem>
#include <sapiens/error.hpp>
#include <sapiens/features.hpp>
#include <sapiens/report.hpp>
#include <sapiens/tensor_view.hpp>
#include <span>
#include <string>
#include <string_view>

#include "documents/json.hpp"

namespace sapiens::cli {

/// The exit codes; `--help` lists them.
enum ExitCode : int {
  kDone = 0,
  kSomeFailed = 1,
  kUsage = 2,
  kRefused = 3,
  kBadFile = 4,
  kOutOfResources = 5,
  kNetwork = 6,
  kInternal = 70,  // EX_SOFTWARE of sysexits.h
  kInterrupted = 130,
};

ExitCode exit_code(ErrorCode code) noexcept;

/// The exit code of a run of which `failures` inputs failed: kOutOfResources if memory ran out for
/// one of them, because it may succeed with more.
ExitCode exit_code_of_failures(Index failures, bool memory_ran_out) noexcept;

struct ExitCodeMeaning {
  ExitCode code;
  const char* meaning;
};

std::span<const ExitCodeMeaning> exit_code_meanings() noexcept;

/// The table for `--help`.
std::string exit_code_help();

// The library's texts as this program says them: options are flags, functions are commands.

/// "--size" for `input_size`; empty for a word that is neither an option nor a function.
std::string_view flag_of(std::string_view field);

Error with_flags(const Error& error);

std::string inspection_text(const Inspection& inspection, bool colour);

using documents::Json;

/// `error` as a document, in the words of the command line, as are all the errors printed here.
Json error_json(const Error& error);

/// Prints on standard output, and spells out what is not printable (sapiens/printable.hpp) except
/// for line breaks: names are made printable before they come into `text`. That it could not be
/// written is told once, at the end of main().
void print(std::string_view text);

/// As `print`, for a text whose colours or JSON are to stay and whose names are printable already.
void print_as_it_is(std::string_view text);

/// Prints `document` on standard output; bytes that are not UTF-8 (file names) are replaced.
void print_json(const Json& document);

/// "failed: photo.jpg" and, below, why.
std::string failure_text(std::string_view input, const Error& error);

/// The error on standard error.
void say_error(const Error& error);
/// The error on standard error, and with `json` also as a document on standard output.
void report_error(const Error& error, bool json);
void report_error(std::string_view code, const std::string& summary, bool json);

/// A line on standard error, printable as by `print`; nothing happens where that is closed or full.
void say(std::string_view message);

/// "1.23 GB", "640 kB", "12 bytes".
std::string bytes_text(std::uint64_t bytes);

/// "0.4 s", "12 s", "3 min 20 s", "2 h 5 min".
std::string seconds_text(double seconds);

/// A measured time, four digits of it: "61.23 ms".
std::string time_text(double seconds);

/// "fp32", "int8", "int8 but for 24 layers".
std::string precision_text(const EngineStats& stats);

/// `text` with the letters of ASCII in small.
std::string lower_case(std::string_view text);

/// "1024x64x64".
std::string dims_text(std::span<const Index> shape);

/// "Sapiens" or "Sapiens2", of an encoder or a task model.
std::string_view family_text(const ModelInfo& model);

/// "Sapiens 0.3b pretrain, width 1024, 24 blocks", "Sapiens2 0.4b encoder, width 1024, 24 blocks".
std::string model_text(const ModelInfo& model);

/// "model.pth: Sapiens 0.3b pretrain, width 1024, 24 blocks, exact (293 of 293 parameters)".
std::string checkpoint_text(const std::string& path, const Inspection& inspection);

/// The absolute spelling, so that a file is recognised from another working directory.
std::string absolute_text(const std::filesystem::path& path);

}  // namespace sapiens::cli

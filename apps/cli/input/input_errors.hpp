#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

// What collect_inputs throws.
namespace sapiens::cli {

/// Links can make few folders into any number of names, which is never meant.
inline constexpr int kMaxSearchedAgain = 10'000;

/// InvalidArgument: more than kMaxSearchedAgain folders were searched under other names before.
[[noreturn]] void throw_searched_again(const std::filesystem::path& folder);

/// CorruptFile: `source` has NUL bytes, and a line feed in the name at `line`.
[[noreturn]] void throw_mixed_list(const std::string& source, std::size_t line);

/// InvalidArgument: `tar:-` where archives are searched beforehand.
[[noreturn]] void throw_read_once();

/// InvalidArgument: keys of images, and no tar.
[[noreturn]] void throw_no_tar();

/// InvalidArgument: results would be inputs of the next run.
[[noreturn]] void throw_output_is_input(const std::filesystem::path& folder);

}  // namespace sapiens::cli

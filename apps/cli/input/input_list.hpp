#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace sapiens::cli {

struct ListedName {
  std::string text = {};  ///< As the list has it; never empty, and without a NUL byte.
  std::size_t line = 1;   ///< Where it begins.
};

/// The names in a list of inputs, in its order.
struct InputList {
  std::vector<ListedName> names = {};
  bool separated_by_nul = false;  ///< As `find -print0` writes them: every byte belongs to a name.
};

/// Takes a list apart: one name per line, or names separated by NUL bytes where it holds any. Empty
/// names are none; a byte order mark in front is dropped. Throws `Error(UnsupportedFormat)`, naming
/// `source`, for text in UTF-16 or UTF-32.
InputList parse_input_list(std::string_view text, const std::string& source);

/// The spellings that a line may stand for, the likeliest first: the line itself, without the
/// carriage return of Windows, without white space around it.
std::vector<std::string> spellings_of_line(const std::string& line);

}  // namespace sapiens::cli

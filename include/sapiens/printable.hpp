#pragma once

#include <string>
#include <string_view>

/// Text that came from outside (names of tensors and files, paths of requests, labels) may hold
/// anything: codes that steer a terminal, line breaks that fake a line of a log, marks that turn
/// what follows from right to left. These functions make it fit for a terminal and for a log, and
/// leave letters of all languages as they are.
namespace sapiens {

/// `text` in one line: control characters (`\n`, `\x1b`, `\u009b`), line and paragraph separators,
/// characters that are not seen or change the direction of writing (`\u202e`), and bytes that are
/// not UTF-8 (`\xff`) are spelled out. What is printable stays the same, so that twice is once.
std::string printable(std::string_view text);

/// As `printable`, but for a text of several lines: its line breaks and tabs stay. Names in it are
/// to be made printable before they are put in.
std::string printable_lines(std::string_view text);

/// As `printable`, for a document of JSON, which stays one and says the same: `\u009b` inside
/// strings.
std::string printable_json(std::string_view document);

}  // namespace sapiens

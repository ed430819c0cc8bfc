#pragma once

#include <string>
#include <string_view>

/// Untrusted text (names of tensors and files, paths of requests, labels) may contain terminal
/// control sequences, line breaks that forge log lines, and characters that change the direction of
/// writing. These functions escape such characters for output to terminals and logs. Letters of all
/// languages are unchanged.
namespace sapiens {

/// Returns `text` as one line. Escapes control characters (`\n`, `\x1b`, `\u009b`), line and
/// paragraph separators, invisible characters, characters that change the direction of writing
/// (`\u202e`) and bytes that are not UTF-8 (`\xff`). The function is idempotent.
std::string printable(std::string_view text);

/// Like `printable`, but keeps line breaks and tabs. Untrusted parts of `text` must be escaped by
/// `printable` before they are inserted.
std::string printable_lines(std::string_view text);

/// Like `printable` for a JSON document: escapes characters inside of strings as `\u009b`, so that
/// the document stays valid and equivalent.
std::string printable_json(std::string_view document);

}  // namespace sapiens

#pragma once

#include <string>
#include <string_view>

namespace sapiens::cli {

/// Plain text as a line of a man page; what stands in `backticks` is set in bold.
std::string roff_text(std::string_view text);

/// Characters as they are, for names and for what a user may copy into a shell.
std::string roff_code(std::string_view text);

/// The line, kept from being taken for a request.
std::string roff_line(std::string line);

}  // namespace sapiens::cli

#pragma once

#include <string>
#include <string_view>

#include "cli/shell/program_description.hpp"

namespace sapiens::cli {

/// Plain text as a line of a man page; what stands in `backticks` is set in bold.
std::string roff_text(std::string_view text);

/// Characters as they are, for names and for what a user may copy into a shell.
std::string roff_code(std::string_view text);

/// The line, kept from being taken for a request.
std::string roff_line(std::string line);

/// "sapiens-features"; of the program itself "sapiens".
std::string man_page_name(const ProgramDescription& program, const CommandDescription& command);

/// The page, for section 1, in the macros of man(7). `command` is one of `program`, or its own. It
/// has no date, so that equal sources give equal pages.
std::string man_page(const ProgramDescription& program, const CommandDescription& command);

}  // namespace sapiens::cli

#pragma once

#include <string>

#include "cli/shell/program_description.hpp"

namespace sapiens::cli {

/// "sapiens-features"; of the program itself "sapiens".
std::string man_page_name(const ProgramDescription& program, const CommandDescription& command);

/// The page, for section 1, in the macros of man(7). `command` is one of `program`, or its own. It
/// has no date, so that equal sources give equal pages.
std::string man_page(const ProgramDescription& program, const CommandDescription& command);

}  // namespace sapiens::cli

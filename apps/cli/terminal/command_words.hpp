#pragma once

#include <sapiens/error.hpp>
#include <sapiens/report.hpp>
#include <string>
#include <string_view>

namespace sapiens::cli {

// The library's texts as this program says them: options are flags, functions are commands.

/// "--size" for `input_size`; empty for a word that is neither an option nor a function.
std::string_view flag_of(std::string_view field);

Error with_flags(const Error& error);

std::string inspection_text(const Inspection& inspection, bool colour);

}  // namespace sapiens::cli

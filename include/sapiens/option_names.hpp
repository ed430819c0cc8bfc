#pragma once

#include <string>
#include <string_view>

namespace sapiens {

// Texts of this library name options by the fields of its structs, in backquotes: "leave
// `input_size` out". A program that offers options under other names replaces them before it shows
// a text.

/// Returns the name that a program gives to the option `field`, such as "--size" for "input_size",
/// or an empty view if `field` is not an option. The result must stay valid.
using OptionName = std::string_view (*)(std::string_view field);

/// Returns `text` with every option in backquotes that `name` knows replaced, including the
/// backquotes. With a null `name` the text is unchanged.
std::string with_option_names(std::string_view text, OptionName name);

}  // namespace sapiens

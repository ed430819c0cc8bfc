#pragma once

#include <string>
#include <string_view>

namespace sapiens {

// The texts of this library name options by the fields of its structs, in backquotes: "leave
// `input_size` out". A program that offers them under other names puts those in their place before
// it shows a text.

/// What a program calls the option `field`: "--size" for "input_size"; empty for any other word.
using OptionName = std::string_view (*)(std::string_view field);

/// `text` with every `field` that `name` knows replaced, backquotes included. A null `name` leaves
/// the text as it is.
std::string with_option_names(std::string_view text, OptionName name);

}  // namespace sapiens

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "fuzz/support/random.hpp"

namespace sapiens::fuzz {

std::vector<std::string> take_lines_apart(std::string_view text);

/// Changes some lines of a text: lines are deleted, repeated, exchanged and changed inside, also
/// many of them in the same way.
std::string mutate_lines(std::string_view text, Random& random);

}  // namespace sapiens::fuzz

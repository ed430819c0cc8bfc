#pragma once

#include <cstddef>
#include <string_view>

namespace sapiens {

/// Throws `Error(InvalidArgument)` naming `what` unless the numbers agree.
void expect_count(std::string_view what, std::size_t wanted, std::size_t there_are);

}  // namespace sapiens

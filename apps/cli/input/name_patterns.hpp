#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace sapiens::cli {

/// Most names that one argument may stand for, and most bytes of them.
inline constexpr std::size_t kMaxPatternNames = 1'000'000;
inline constexpr std::uint64_t kMaxPatternBytes = std::uint64_t{1} << 28;

/// The names that an argument stands for, in order: "{000..151}" is replaced by the numbers, as
/// wide as the wider bound is written if one of them begins with a zero, "{a,b}" by each of its
/// parts, as WebDataset and shells do it; whether these names exist is not asked. Names with *, ?
/// or [] become those of the files that match. An argument that is the name of a file, and a name
/// that matches nothing, is itself. Throws InvalidArgument for more than kMaxPatternNames, and for
/// those that may be more than kMaxPatternBytes.
std::vector<std::string> expand_pattern(const std::string& argument);

}  // namespace sapiens::cli

#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace sapiens {

/// Room for the text of `write_memory_in_use`.
inline constexpr std::size_t kMemoryTextSize = 256;

/// Writes into `text`, which has room for `kMemoryTextSize`, how much this process has used at most
/// and what it is limited to: "at most 61 MB of address space and 20 MB of memory in use; address
/// space (ulimit -v) limited to 64 MB". Allocates nothing, because it is asked when memory ran out.
std::string_view write_memory_in_use(char* text) noexcept;

/// The same, for an error whose cause does not say how much was requested.
std::string memory_in_use();

}  // namespace sapiens

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sapiens {

/// What this process holds, and what the system lets it hold, in bytes.
struct MemoryUse {
  std::uint64_t resident = 0;             ///< In physical memory; 0 where /proc is not available.
  std::uint64_t address_space = 0;        ///< Mapped, with files; 0 where /proc is not available.
  std::uint64_t address_space_limit = 0;  ///< `ulimit -v`; 0 without a limit.
  std::uint64_t data_limit = 0;           ///< `ulimit -d`; 0 without a limit.
};

/// Takes no memory, so it can be called when there is none left.
MemoryUse memory_use() noexcept;

/// The same in words, for errors: "12 MB of memory and 61 MB of address space in use, of 64 MB
/// (ulimit -v)". Takes no memory either.
class MemoryUseText {
 public:
  MemoryUseText() noexcept;
  std::string_view view() const noexcept { return {text_.data(), size_}; }

 private:
  std::array<char, 200> text_;
  std::size_t size_ = 0;
};

}  // namespace sapiens

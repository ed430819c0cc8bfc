#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "core/file_map.hpp"

namespace sapiens {

/// A file, or a file inside a file.
struct FileBytes {
  std::span<const std::byte> bytes = {};
  /// Mapped pages may be given back to the system; bytes of another origin may not.
  bool mapped = false;
  std::string source = {};  ///< What messages call it.

  /// Gives back the pages around `offset`. Looking at a few bytes beside each tensor maps 64 KiB
  /// per look, which adds up to tens of MB for a large file.
  void forget_around(std::uint64_t offset) const noexcept {
    constexpr std::uint64_t kAround = 1 << 16;
    if (!mapped || offset > bytes.size()) return;
    const std::uint64_t first = offset > kAround ? offset - kAround : 0;
    release_mapped(bytes.subspan(first, std::min(2 * kAround, bytes.size() - first)));
  }
};

}  // namespace sapiens

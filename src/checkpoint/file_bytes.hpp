#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "core/open_file.hpp"

namespace sapiens {

/// A file, or a file inside a file.
struct FileBytes {
  std::span<const std::byte> bytes = {};
  /// The mapped file that the bytes are in, whose pages may be released; null for other memory.
  const FileMap* map = nullptr;
  std::string source = {};  ///< The name that messages use.

  /// Releases the pages around `offset`. Reading a few bytes beside each tensor maps 64 KiB per
  /// access, which adds up to tens of MB for a large file.
  void forget_around(std::uint64_t offset) const noexcept {
    constexpr std::uint64_t kAround = 1 << 16;
    if (map == nullptr || offset > bytes.size()) return;
    const std::uint64_t first = offset > kAround ? offset - kAround : 0;
    release_mapped(bytes.subspan(first, std::min(2 * kAround, bytes.size() - first)));
  }
};

}  // namespace sapiens

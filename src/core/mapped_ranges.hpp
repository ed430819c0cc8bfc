#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

namespace sapiens {

/// Where one mapped file lies in memory, for the handler of `guard_mapped_files`.
struct MappedRange {
  std::atomic<bool> taken = false;
  std::atomic<std::uintptr_t> start = 0;  // 0 while there is nothing to look at
  std::atomic<std::uintptr_t> end = 0;
  std::atomic<bool> unreadable = false;  // a page could not be read, and zeros took its place
};

/// A place for `bytes` in the table of the process, until `remove_mapped_range`, which comes before
/// they are unmapped. Null where all places are taken.
MappedRange* add_mapped_range(std::span<const std::byte> bytes) noexcept;
void remove_mapped_range(MappedRange& range) noexcept;

}  // namespace sapiens

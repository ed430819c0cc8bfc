#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace sapiens {

/// The CRC-32 of zip and PNG. To continue over a second piece, pass the first one's result.
std::uint32_t crc32(std::span<const std::byte> bytes, std::uint32_t previous = 0) noexcept;

/// The checksum of two pieces, one after the other, from the checksums of each: pieces can be
/// read by several threads.
std::uint32_t join_crc32(std::uint32_t first, std::uint32_t second,
                         std::uint64_t second_bytes) noexcept;

}  // namespace sapiens

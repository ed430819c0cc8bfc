#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace sapiens {

/// The CRC-32 of zip and PNG. To continue over a second piece, pass the first one's result.
std::uint32_t crc32(std::span<const std::byte> bytes, std::uint32_t previous = 0) noexcept;

}  // namespace sapiens

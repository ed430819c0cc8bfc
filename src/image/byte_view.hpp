#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "image/image_header.hpp"

namespace sapiens {

/// A bounds-checked cursor over an image file; reading past the end is a `BrokenImage`.
class ByteView {
 public:
  explicit ByteView(std::span<const std::byte> bytes) noexcept : rest_(bytes) {}

  bool empty() const noexcept { return rest_.empty(); }
  std::span<const std::byte> rest() const noexcept { return rest_; }

  std::span<const std::byte> take(std::uint64_t count) {
    if (count > rest_.size()) throw BrokenImage("the file ends early");
    const auto taken = rest_.first(static_cast<std::size_t>(count));
    rest_ = rest_.subspan(taken.size());
    return taken;
  }

  std::uint32_t u8() { return big_endian(1); }
  std::uint32_t u16be() { return big_endian(2); }
  std::uint32_t u32be() { return big_endian(4); }
  std::uint32_t u16le() { return little_endian(2); }
  std::uint32_t u24le() { return little_endian(3); }
  std::uint32_t u32le() { return little_endian(4); }

 private:
  std::uint32_t big_endian(std::size_t count) {
    std::uint32_t value = 0;
    for (const std::byte b : take(count)) value = value << 8 | std::to_integer<std::uint32_t>(b);
    return value;
  }

  std::uint32_t little_endian(std::size_t count) {
    std::uint32_t value = 0;
    int shift = 0;
    for (const std::byte b : take(count)) {
      value |= std::to_integer<std::uint32_t>(b) << shift;
      shift += 8;
    }
    return value;
  }

  std::span<const std::byte> rest_;
};

}  // namespace sapiens

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace sapiens {

/// Collects little-endian numbers and text: the counterpart of ByteReader, for headers and tables.
class ByteWriter {
 public:
  void u8(std::uint8_t value) { integer(value, 1); }
  void u16(std::uint16_t value) { integer(value, 2); }
  void u32(std::uint32_t value) { integer(value, 4); }
  void u64(std::uint64_t value) { integer(value, 8); }
  void text(std::string_view text);
  void append(std::span<const std::byte> bytes);
  void fill(std::size_t count, char letter);

  std::size_t size() const noexcept { return bytes_.size(); }
  std::span<const std::byte> bytes() const noexcept { return bytes_; }

 private:
  void integer(std::uint64_t value, int width);

  std::vector<std::byte> bytes_;
};

}  // namespace sapiens

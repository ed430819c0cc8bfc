// Any bytes as an image file, and as a PNG whose stored values are wanted. The checksums of PNGs
// are put right first, or none would get past them.
#include <cstdint>
#include <string>
#include <vector>

#include "core/crc32.hpp"
#include "image/png_file.hpp"
#include "sapiens/error.hpp"
#include "sapiens/image.hpp"

namespace {

std::uint32_t big_endian(const std::byte* bytes) {
  std::uint32_t value = 0;
  for (int i = 0; i < 4; ++i) value = value << 8 | std::to_integer<std::uint32_t>(bytes[i]);
  return value;
}

void correct_checksums(std::vector<std::byte>& png) {
  constexpr std::size_t kSignature = 8, kAround = 12;  // length, type and checksum
  for (std::size_t at = kSignature; png.size() - at >= kAround;) {
    const std::size_t length = big_endian(&png[at]);
    if (length > png.size() - at - kAround) return;
    const std::uint32_t crc = sapiens::crc32(std::span(png).subspan(at + 4, 4 + length));
    at += 8 + length;
    for (int shift = 24; shift >= 0; shift -= 8) png[at++] = static_cast<std::byte>(crc >> shift);
  }
}

// Tens of millions of pixels from a few bytes are allowed, and only slow a fuzzer down.
bool is_large(const std::vector<std::byte>& png) {
  constexpr std::uint32_t kLongSide = 4096;
  return png.size() >= 24 && (big_endian(&png[16]) > kLongSide || big_endian(&png[20]) > kLongSide);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto* first = reinterpret_cast<const std::byte*>(data);
  std::vector<std::byte> bytes(first, first + size);
  if (size > 8 && data[0] == 0x89) {
    if (is_large(bytes)) return 0;
    correct_checksums(bytes);
  }
  try {
    sapiens::Image::decode(bytes, "input");
  } catch (const sapiens::Error&) {
  }
  try {
    sapiens::stored_png_values(bytes, "input");
  } catch (const sapiens::Error&) {
  }
  return 0;
}

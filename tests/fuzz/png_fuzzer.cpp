// Any bytes as a PNG, and as one whose stored values are wanted. The checksums of its chunks are
// put right first, or no change would get past them.
#include <algorithm>
#include <cstdint>
#include <vector>

#include "core/crc32.hpp"
#include "fuzz/support/decode_image.hpp"
#include "image/png_file.hpp"
#include "sapiens/error.hpp"

namespace {

constexpr unsigned char kSignature[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};

std::uint32_t big_endian(const std::byte* bytes) {
  std::uint32_t value = 0;
  for (int i = 0; i < 4; ++i) value = value << 8 | std::to_integer<std::uint32_t>(bytes[i]);
  return value;
}

void correct_checksums(std::vector<std::byte>& png) {
  constexpr std::size_t kAround = 12;  // length, type and checksum
  for (std::size_t at = sizeof kSignature; png.size() - at >= kAround;) {
    const std::size_t length = big_endian(&png[at]);
    if (length > png.size() - at - kAround) return;
    const std::uint32_t crc = sapiens::crc32(std::span(png).subspan(at + 4, 4 + length));
    at += 8 + length;
    for (int shift = 24; shift >= 0; shift -= 8) png[at++] = static_cast<std::byte>(crc >> shift);
  }
}

// stored_png_values has no bound of its own below that of all images.
bool is_large(const std::vector<std::byte>& png) {
  constexpr std::uint64_t kMaxPixels = 1 << 18;
  return std::uint64_t{big_endian(&png[16])} * big_endian(&png[20]) > kMaxPixels;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kFirstChunk = 33;
  if (size < kFirstChunk) return 0;
  const auto* const first = reinterpret_cast<const std::byte*>(data);
  std::vector<std::byte> bytes(first, first + size);
  std::ranges::copy(std::as_bytes(std::span(kSignature)), bytes.begin());
  correct_checksums(bytes);
  sapiens::fuzz::decode_image(bytes);
  if (is_large(bytes)) return 0;
  try {
    sapiens::stored_png_values(bytes, "input");
  } catch (const sapiens::Error&) {
  }
  return 0;
}

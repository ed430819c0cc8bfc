// Any bytes as the chunks of a WebP. The length of the file is put right first.
#include <algorithm>
#include <cstdint>
#include <string_view>
#include <vector>

#include "fuzz/support/decode_image.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kHeader = 12;  // "RIFF", length, "WEBP"
  if (size < kHeader) return 0;
  std::vector<std::uint8_t> bytes(data, data + size);
  constexpr std::string_view kRiff = "RIFF", kWebp = "WEBP";
  std::copy(kRiff.begin(), kRiff.end(), bytes.begin());
  std::copy(kWebp.begin(), kWebp.end(), bytes.begin() + 8);
  // One in 256 inputs keeps its own length, which may be a wrong one.
  for (std::size_t i = 0; i < 4 && bytes.back() != 0x5a; ++i) {
    bytes[4 + i] = static_cast<std::uint8_t>((size - 8) >> 8 * i);
  }
  sapiens::fuzz::decode_image(std::as_bytes(std::span(bytes)));
  return 0;
}

// Any bytes behind the first marker of a JPEG.
#include <cstdint>
#include <vector>

#include "fuzz/support/decode_image.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const auto* const first = reinterpret_cast<const std::byte*>(data);
  std::vector<std::byte> bytes(first, first + size);
  bytes[0] = std::byte{0xff};
  bytes[1] = std::byte{0xd8};
  sapiens::fuzz::decode_image(bytes);
  return 0;
}

#include <string_view>

#include "image/byte_view.hpp"
#include "image/image_header.hpp"

// WebP: a RIFF file of form WEBP. The first chunk is VP8 (lossy), VP8L (lossless) or VP8X
// (extended, then the image follows in a VP8 or VP8L chunk). Sizes are little-endian. An EXIF
// chunk is not looked at, because OpenCV 4.6 does not turn WebP images.
namespace sapiens {
namespace {

constexpr std::uint32_t kAnimationFlag = 0x02;

ImageHeader read_lossy(ByteView in) {
  in.take(3);  // frame tag
  if (in.u24le() != 0x2a019d) throw BrokenImage("the WebP's key frame has no start code");
  const Index width = in.u16le() & 0x3fff;  // the two top bits request scaling
  const Index height = in.u16le() & 0x3fff;
  return {.width = width, .height = height};
}

ImageHeader read_lossless(ByteView in) {
  if (in.u8() != 0x2f) throw BrokenImage("the lossless WebP has no signature");
  const std::uint32_t bits = in.u32le();  // 14 bits each, minus one
  return {.width = Index{bits & 0x3fff} + 1, .height = Index{bits >> 14 & 0x3fff} + 1};
}

ImageHeader read_extended(ByteView in) {
  if (in.u8() & kAnimationFlag)
    throw UnreadableImage("an animated WebP", "take one frame out of it first");
  in.take(3);
  const Index width = Index{in.u24le()} + 1;
  const Index height = Index{in.u24le()} + 1;
  return {.width = width, .height = height};
}

}  // namespace

// Neither the RIFF's own size nor what follows the image affects a pixel, so they are not checked.
ImageHeader read_webp_header(std::span<const std::byte> bytes) {
  constexpr std::size_t kChunkHeader = 8;
  ByteView in(bytes);
  in.take(12);  // "RIFF", a size, "WEBP"
  ImageHeader canvas;
  while (!in.empty()) {
    const auto rest = in.rest();
    const auto type = in.take(4);
    const std::uint32_t size = in.u32le();
    const ByteView chunk(in.take(size));
    const std::string_view name(reinterpret_cast<const char*>(type.data()), type.size());
    if (name == "VP8X" && canvas.width == 0) canvas = read_extended(chunk);
    if (name == "VP8 " || name == "VP8L") {
      ImageHeader header = name == "VP8 " ? read_lossy(chunk) : read_lossless(chunk);
      if (header.width == 0 || header.height == 0)
        throw BrokenImage("the WebP does not say its size");
      if (canvas.width != 0) expect_header_size(canvas, header.width, header.height);
      header.coded = rest.first(kChunkHeader + size);
      return header;
    }
    if (size % 2 != 0 && !in.empty()) in.take(1);  // chunks begin at even offsets
  }
  throw BrokenImage("the WebP has no image chunk");
}

}  // namespace sapiens

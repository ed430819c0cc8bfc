#include <webp/decode.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <new>
#include <string_view>

#include "core/byte_reader.hpp"
#include "image/byte_view.hpp"
#include "image/image_header.hpp"
#include "image/pixels.hpp"

// WebP: a RIFF file of form WEBP. The first chunk is VP8 (lossy), VP8L (lossless) or VP8X
// (extended, then the image follows in a VP8 or VP8L chunk). Sizes are little-endian. An EXIF
// chunk is not looked at, because OpenCV 4.6 does not turn WebP images.
namespace sapiens {
namespace {

void expect_success(VP8StatusCode status) {
  if (status == VP8_STATUS_OK) return;
  if (status == VP8_STATUS_OUT_OF_MEMORY) throw std::bad_alloc();
  if (status == VP8_STATUS_UNSUPPORTED_FEATURE) {
    throw UnreadableImage("a WebP of a kind that libwebp does not know",
                          "save it anew as JPEG or PNG with an image editor");
  }
  throw BrokenImage("its image data breaks the rules of the format");
}

// Gives the same pixels as WebPDecode, which cannot be interrupted.
void decode_in_pieces(const std::uint8_t* data, std::size_t size, WebPDecoderConfig& config,
                      const StopCheck& check) {
  constexpr std::size_t kPiece = 16 << 10;
  const std::unique_ptr<WebPIDecoder, void (*)(WebPIDecoder*)> decoder(
      WebPIDecode(data, 0, &config), WebPIDelete);
  if (!decoder) throw std::bad_alloc();
  for (std::size_t given = 0; given < size;) {
    if (check) check();
    given += std::min(kPiece, size - given);
    const VP8StatusCode status = WebPIUpdate(decoder.get(), data, given);
    if (status == VP8_STATUS_OK) return;
    if (status != VP8_STATUS_SUSPENDED) expect_success(status);
  }
  expect_success(VP8_STATUS_NOT_ENOUGH_DATA);
}

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

// libwebp also accepts the image chunk alone, so that damage around it does no harm. Alpha, which
// may be in another chunk, is dropped anyway.
Image decode_webp(std::span<const std::byte>, const ImageHeader& header, const StopCheck& check) {
  WebPDecoderConfig config;
  if (WebPInitDecoderConfig(&config) == 0) throw std::bad_alloc();
  const auto* data = reinterpret_cast<const std::uint8_t*>(header.coded.data());
  expect_success(WebPGetFeatures(data, header.coded.size(), &config.input));
  expect_header_size(header, config.input.width, config.input.height);

  Image image = make_image(header.height, header.width);
  config.output.colorspace = MODE_RGB;  // without alpha or blending
  config.output.is_external_memory = 1;
  config.output.u.RGBA = {.rgba = image.rgb.data(),
                          .stride = static_cast<int>(header.width * 3),
                          .size = image.rgb.size()};
  decode_in_pieces(data, header.coded.size(), config, check);
  return image;
}

// Neither the RIFF's own size nor what follows the image affects a pixel, so they are not checked.
ImageHeader read_webp_header(std::span<const std::byte> bytes) {
  constexpr std::size_t kChunkHeader = 8;
  ByteView in(bytes);
  in.take(12);  // "RIFF", a size, "WEBP"
  ImageHeader canvas;
  while (!in.empty()) {
    const auto rest = in.rest();
    const std::string_view name = as_text(in.take(4));
    const std::uint32_t size = in.u32le();
    const ByteView chunk(in.take(size));
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

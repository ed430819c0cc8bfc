#include <webp/decode.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <new>

#include "image/codecs.hpp"
#include "image/pixels.hpp"

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

}  // namespace sapiens

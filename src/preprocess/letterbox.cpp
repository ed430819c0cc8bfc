#include "preprocess/letterbox.hpp"

#include <algorithm>
#include <array>

#include "image/pixels.hpp"
#include "preprocess/byte_table.hpp"
#include "preprocess/preprocess.hpp"

namespace sapiens {
namespace {

constexpr std::uint8_t kGrey = 114;

// Rounds as the original does; a side that would become 0 keeps a pixel, where the original fails.
Index scaled(Index length, double scale) noexcept {
  return std::max(Index{1}, static_cast<Index>(static_cast<double>(length) * scale + 0.5));
}

}  // namespace

Letterbox letterbox(const Image& image, Index side) {
  expect_pixels("the image to find persons in", image);
  const double scale =
      static_cast<double>(side) / static_cast<double>(std::max(image.width, image.height));
  const Index width = std::min(side, scaled(image.width, scale));
  const Index height = std::min(side, scaled(image.height, scale));
  const Image resized = resize_bilinear_opencv(image, height, width);

  Letterbox box{
      .square = make_image(side, side),
      .scale_x = static_cast<float>(static_cast<double>(width) / static_cast<double>(image.width)),
      .scale_y =
          static_cast<float>(static_cast<double>(height) / static_cast<double>(image.height))};
  std::ranges::fill(box.square.rgb, kGrey);
  for (Index y = 0; y < height; ++y) {
    std::copy_n(resized.rgb.begin() + y * width * 3, width * 3,
                box.square.rgb.begin() + y * side * 3);
  }
  return box;
}

// The constants are ImageNet's in the order blue, green, red, as are the channels. The original's
// lite scripts pass red first and normalise it with the constants of blue.
void normalize_for_detector(const Image& image, Matrix rows) {
  expect_pixels("the image to normalise", image);
  expect_shape("normalised image", rows, {image.width * image.height, 3});
  const std::array<ByteTable, 3> tables{make_byte_table(103.53f, 57.375f),
                                        make_byte_table(116.28f, 57.12f),
                                        make_byte_table(123.675f, 58.395f)};
  const std::uint8_t* in = image.rgb.data();
  for (Index pixel = 0; pixel < rows.extent(0); ++pixel, in += 3) {
    float* const row = rows[pixel].data();
    for (std::size_t channel = 0; channel < 3; ++channel) {
      row[channel] = tables[channel][in[2 - channel]];
    }
  }
}

}  // namespace sapiens

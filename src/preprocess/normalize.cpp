#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "image/pixels.hpp"
#include "preprocess/preprocess.hpp"

namespace sapiens {
namespace {

/// The value that each level of an 8-bit channel is mapped to.
using ByteTable = std::array<float, 256>;

/// Subtracts, then divides: a product with 1/std would differ in the last bit. For the same reason
/// levels are divided by `white` before.
ByteTable make_byte_table(float mean, float std, float white = 1) {
  ByteTable table{};
  for (std::size_t value = 0; value < table.size(); ++value) {
    table[value] = (static_cast<float>(value) / white - mean) / std;
  }
  return table;
}

// Full has ImageNet's constants, which training used. Lite has the rounded ones of the original's
// lite scripts. Normalised values differ by less than 0.01 between the two.
constexpr LevelNorm kFull{.mean = {123.675f, 116.28f, 103.53f}, .std = {58.395f, 57.12f, 57.375f}};
constexpr LevelNorm kLite{.mean = {123.5f, 116.5f, 103.5f}, .std = {58.5f, 57.0f, 57.5f}};
constexpr LevelNorm kUnitRange{
    .mean = {0.485f, 0.456f, 0.406f}, .std = {0.229f, 0.224f, 0.225f}, .white = 255};

void normalize_with(const LevelNorm& constants, const Image& image, TensorView<float, 3> chw) {
  expect_pixels("the image to normalise", image);
  expect_shape("normalised image", chw, {3, image.height, image.width});
  for (int channel = 0; channel < 3; ++channel) {
    const ByteTable table =
        make_byte_table(constants.mean[channel], constants.std[channel], constants.white);
    const std::uint8_t* in = image.rgb.data() + channel;
    for (Index y = 0; y < image.height; ++y) {
      float* const row = chw[channel][y].data();
      for (Index x = 0; x < image.width; ++x, in += 3) row[x] = table[*in];
    }
  }
}

std::uint8_t level(float value) noexcept {
  // NaN fails the first comparison.
  return value > 0 ? static_cast<std::uint8_t>(std::min(value, 255.0f)) : std::uint8_t{0};
}

}  // namespace

const LevelNorm& level_norm(PreprocessMode mode) noexcept {
  return mode == PreprocessMode::Full ? kFull : kLite;
}

const LevelNorm& unit_range_norm() noexcept { return kUnitRange; }

void normalize(const Image& image, PreprocessMode mode, TensorView<float, 3> chw) {
  normalize_with(level_norm(mode), image, chw);
}

void normalize_unit_range(const Image& image, TensorView<float, 3> chw) {
  normalize_with(unit_range_norm(), image, chw);
}

Image denormalize(TensorView<const float, 3> chw, PreprocessMode mode) {
  expect_shape("normalised image", chw, {3, kAny, kAny});
  const LevelNorm& constants = level_norm(mode);
  Image image = make_image(chw.extent(1), chw.extent(2));
  for (int channel = 0; channel < 3; ++channel) {
    std::uint8_t* out = image.rgb.data() + channel;
    for (Index y = 0; y < image.height; ++y) {
      const float* const row = chw[channel][y].data();
      for (Index x = 0; x < image.width; ++x, out += 3) {
        *out = level(row[x] * constants.std[channel] + constants.mean[channel]);
      }
    }
  }
  return image;
}

void normalize_for_detector(const Image& image, Matrix rows) {
  expect_pixels("the image to normalise", image);
  expect_shape("normalised image", rows, {image.width * image.height, 3});
  constexpr DetectorConstants kConstants = detector_constants();
  std::array<ByteTable, 3> tables;
  for (std::size_t channel = 0; channel < 3; ++channel) {
    tables[channel] = make_byte_table(kConstants.mean[channel], kConstants.std[channel]);
  }
  const std::uint8_t* in = image.rgb.data();
  for (Index pixel = 0; pixel < rows.extent(0); ++pixel, in += 3) {
    float* const row = rows[pixel].data();
    for (std::size_t channel = 0; channel < 3; ++channel) {
      row[channel] = tables[channel][in[2 - channel]];
    }
  }
}

}  // namespace sapiens

#pragma once

#include <array>
#include <cstdint>

#include "sapiens/features.hpp"
#include "sapiens/image.hpp"
#include "sapiens/report.hpp"
#include "sapiens/results.hpp"
#include "sapiens/tensor_view.hpp"

namespace sapiens {

// These functions throw `Error(InvalidArgument)` for an image whose size and pixels disagree and
// for sizes outside 1 .. 2^28 pixels; those that resize, also for images outside of the bounds of
// `sapiens/image.hpp`.

/// Resizes like `Image.resize(size, BICUBIC)` of Pillow up to version 12, byte for byte:
/// antialiased when shrinking, rounded to 8 bits between the horizontal and the vertical pass.
Image resize_bicubic_pillow(const Image& image, Index height, Index width,
                            const StopCheck& check = {});

/// Resizes like `Image.resize(size, BILINEAR)` of Pillow 13, byte for byte: antialiased too, but
/// the vertical pass comes first where the height shrinks by more than twice as many pixels as the
/// width. Earlier versions differ by at most 1 there.
Image resize_bilinear_pillow(const Image& image, Index height, Index width,
                             const StopCheck& check = {});

/// Resizes like OpenCV's `resize` with INTER_LINEAR, byte for byte, without antialiasing.
Image resize_bilinear_opencv(const Image& image, Index height, Index width);

/// Resizes for feature extraction with Sapiens: bicubic for Full, bilinear for Lite. The aspect
/// ratio is not kept, as in the original.
Image resize_for_features(const Image& image, Index height, Index width, PreprocessMode mode,
                          const StopCheck& check = {});

/// What levels x of red, green and blue are normalised with: (x / white - mean) / std.
struct LevelNorm {
  std::array<float, 3> mean, std;
  float white = 1;
};

/// Of `normalize`.
const LevelNorm& level_norm(PreprocessMode mode) noexcept;
/// Of `normalize_unit_range`.
const LevelNorm& unit_range_norm() noexcept;

/// (x - mean) / std of each channel in float32, as PyTorch computes it; `chw` is [3, H, W] in RGB
/// order. Throws ShapeMismatch unless H and W are the image's.
void normalize(const Image& image, PreprocessMode mode, TensorView<float, 3> chw);

/// (x / 255 - mean) / std of each channel in float32, as torchvision's `ToTensor` and `Normalize`
/// compute it for Sapiens2; otherwise like `normalize`. Values differ from those of Full by at most
/// 5e-7, in the last bits.
void normalize_unit_range(const Image& image, TensorView<float, 3> chw);

/// The inverse of `normalize`, from `chw` [3, H, W] to levels of 0 to 255: values outside are
/// clipped, fractions are truncated as in the original, and NaN becomes 0.
Image denormalize(TensorView<const float, 3> chw, PreprocessMode mode);

/// Throws `Error(InvalidArgument)` unless both are positive and make at most 2^28 pixels.
void expect_target_size(Index height, Index width);

/// What the person detector's input is made with.
struct DetectorConstants {
  std::array<float, 3> mean, std;  ///< Of blue, green and red, as levels.
  std::uint8_t grey;               ///< The level of what surrounds the image.
};

/// The constants are ImageNet's in the order blue, green, red, as are the channels. The original's
/// lite scripts pass red first and normalise it with the constants of blue.
constexpr DetectorConstants detector_constants() noexcept {
  return {.mean = {103.53f, 116.28f, 123.675f}, .std = {57.375f, 57.12f, 58.395f}, .grey = 114};
}

/// An image in the top left corner of a grey square, as the person detector sees it.
struct Letterbox {
  Image square = {};
  /// Pixels of the square per pixel of the image; the two differ slightly, because sizes are whole
  /// numbers.
  float scale_x = 1, scale_y = 1;
};

/// Resizes `image`, up or down, until its longer side is `side` pixels long, byte for byte as the
/// original does it. Throws InvalidArgument for an image whose pixels do not add up.
Letterbox letterbox(const Image& image, Index side);

/// (x - mean) / std of each pixel as the person detector wants it: `rows` is [pixels, 3], blue
/// first. Throws ShapeMismatch unless there are as many rows as pixels.
void normalize_for_detector(const Image& image, Matrix rows);

/// How much larger than the box of a person its crop is.
inline constexpr float kPersonMargin = 1.25f;  // GetBBoxCenterScale(padding=1.25)

/// The part of an image that a pose network receives: a person's box, enlarged by a quarter, in the
/// aspect ratio of the network's input. In pixels of the image, and float32 as in the original.
struct PersonCrop {
  float center_x = 0, center_y = 0;
  float width = 0, height = 0;
};

/// Throws InvalidArgument unless width and height are positive and all edges lie within 2^18 pixels
/// of the image's corner.
PersonCrop crop_of_box(const Box& box, Grid input);

/// Resamples the crop to `input` pixels, byte for byte as OpenCV does; black where the crop reaches
/// beyond the image. Throws InvalidArgument for an image wider or higher than 32766.
Image warp_person(const Image& image, const PersonCrop& crop, Grid input);

/// Mirrors a [C, H, W] input horizontally, in place, for the second pass of flip testing.
void mirror_columns(TensorView<float, 3> chw);

}  // namespace sapiens

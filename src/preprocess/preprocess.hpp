#pragma once

#include "sapiens/features.hpp"
#include "sapiens/image.hpp"
#include "sapiens/tensor_view.hpp"

namespace sapiens {

// These functions throw `Error(InvalidArgument)` for an image whose size and pixels disagree and
// for sizes outside 1 .. 2^28 pixels; those that resize, also for images outside of the bounds of
// `sapiens/image.hpp`.

/// Resizes like Pillow's `Image.resize(size, BICUBIC)`, byte for byte: antialiased when shrinking,
/// rounded to 8 bits between the horizontal and the vertical pass.
Image resize_bicubic_pillow(const Image& image, Index height, Index width,
                            const StopCheck& check = {});

/// Resizes like OpenCV's `resize` with INTER_LINEAR, byte for byte, without antialiasing.
Image resize_bilinear_opencv(const Image& image, Index height, Index width);

/// Resizes for feature extraction: bicubic for Full, bilinear for Lite. The aspect ratio is not
/// kept, as in the original.
Image resize_for_features(const Image& image, Index height, Index width, PreprocessMode mode,
                          const StopCheck& check = {});

/// (x - mean) / std of each channel in float32, as PyTorch computes it; `chw` is [3, H, W] in RGB
/// order. Throws ShapeMismatch unless H and W are the image's.
void normalize(const Image& image, PreprocessMode mode, TensorView<float, 3> chw);

/// The inverse of `normalize`, from `chw` [3, H, W] to levels of 0 to 255: values outside are
/// clipped, fractions are truncated as in the original, and NaN becomes 0.
Image denormalize(TensorView<const float, 3> chw, PreprocessMode mode);

}  // namespace sapiens

#pragma once

#include "sapiens/features.hpp"
#include "sapiens/image.hpp"
#include "sapiens/tensor_view.hpp"

namespace sapiens {

// All of these throw `Error(InvalidArgument)` for an image whose pixels do not add up and for
// sizes outside 1 .. 2^28 pixels, and those that resize for images outside of the bounds of
// `sapiens/image.hpp`.

/// As Pillow's `Image.resize(size, BICUBIC)`, byte for byte: antialiased when shrinking, rounded to
/// 8 bits between the horizontal and the vertical pass.
Image resize_bicubic_pillow(const Image& image, Index height, Index width,
                            const StopCheck& check = {});

/// As OpenCV's `resize` with INTER_LINEAR, byte for byte: no antialiasing.
Image resize_bilinear_opencv(const Image& image, Index height, Index width);

/// The resize of feature extraction: bicubic for Full, bilinear for Lite. The aspect ratio is not
/// kept, as in the original.
Image resize_for_features(const Image& image, Index height, Index width, PreprocessMode mode,
                          const StopCheck& check = {});

/// (x - mean) / std of each channel in float32, as PyTorch computes it; `chw` is [3, H, W] in RGB
/// order. Throws ShapeMismatch unless H and W are the image's.
void normalize(const Image& image, PreprocessMode mode, TensorView<float, 3> chw);

/// The way back, from `chw` [3, H, W] to levels of 0 to 255: what lies outside is clipped,
/// fractions are cut off as the original does, and what is no number becomes 0.
Image denormalize(TensorView<const float, 3> chw, PreprocessMode mode);

}  // namespace sapiens

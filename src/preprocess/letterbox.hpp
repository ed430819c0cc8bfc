#pragma once

#include "sapiens/image.hpp"
#include "sapiens/tensor_view.hpp"

namespace sapiens {

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

}  // namespace sapiens

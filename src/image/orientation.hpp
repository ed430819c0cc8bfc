#pragma once

#include <cstddef>
#include <span>

#include "sapiens/image.hpp"

namespace sapiens {

/// The orientation, 1 to 8, of an Exif TIFF structure; 1 (upright) where it has none or is damaged,
/// because damaged metadata must not prevent decoding.
int exif_orientation(std::span<const std::byte> tiff);

/// Rotates and mirrors an image that was stored in that orientation.
Image upright(Image stored, int orientation, const StopCheck& check = {});

}  // namespace sapiens

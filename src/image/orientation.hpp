#pragma once

#include <cstddef>
#include <span>

#include "sapiens/image.hpp"

namespace sapiens {

/// The orientation, 1 to 8, that an Exif TIFF structure gives; 1 (upright) where it gives none, or
/// is damaged: an image is worth more than its notes.
int exif_orientation(std::span<const std::byte> tiff);

/// Turns and mirrors an image that was stored in that orientation.
Image upright(Image stored, int orientation, const StopCheck& check = {});

}  // namespace sapiens

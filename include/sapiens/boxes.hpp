#pragma once

#include <span>

#include "sapiens/image.hpp"
#include "sapiens/results.hpp"

namespace sapiens {

/// The box that covers all of `image`, in pixels, with score 1.
Box full_image_box(const Image& image);

/// True when `box`, in pixels of `image`, does not overlap it.
bool is_outside(const Box& box, const Image& image);

/// True when all edges of `box` lie between 0 and 1, as in annotations whose coordinates are
/// normalized by the size of the image. Such boxes are most likely an error of the caller.
bool looks_normalized(const Box& box);

/// Checks boxes that a caller gives, in pixels of `image`. Throws `Error(InvalidArgument)` when a
/// box does not overlap the image, or when all of them look normalized (see above): keypoints
/// computed from such boxes would be meaningless.
void expect_boxes_in(const Image& image, std::span<const Box> boxes);

}  // namespace sapiens

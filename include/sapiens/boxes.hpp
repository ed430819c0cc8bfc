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

/// The part of `image` that a pose network with inputs of `height` x `width` pixels receives of the
/// person in `box`, byte for byte as TaskModel cuts it out: the box enlarged by a quarter, in the
/// aspect ratio of the input; black where that reaches beyond the image. Throws
/// `Error(InvalidArgument)` for a box without area or far from the image, which need not overlap
/// (see `expect_boxes_in`), for an image wider or higher than 32766 pixels or whose buffer does not
/// match its size, and for sizes outside of 1 to 2^28 pixels.
Image crop_person(const Image& image, const Box& box, Index height, Index width);

}  // namespace sapiens

#pragma once

#include <span>

#include "sapiens/image.hpp"
#include "sapiens/results.hpp"

namespace sapiens {

/// The box of a person who fills the image.
Box whole_image_box(const Image& image);

/// True for a box that shares nothing with an image.
bool is_outside(const Box& box, const Image& image);

/// True where all of a box lies between 0 and 1, as shares of an image's sides do.
bool looks_like_shares(const Box& box);

/// For boxes that a caller gives: throws InvalidArgument where one is outside of the image, or all
/// lie between 0 and 1. Keypoints would be of nothing.
void expect_boxes_in(const Image& image, std::span<const Box> boxes);

}  // namespace sapiens

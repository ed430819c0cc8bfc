#pragma once

#include <string>
#include <string_view>

#include "sapiens/image.hpp"

namespace sapiens {

/// The bound of `sapiens/image.hpp` that an image of this size breaks, as "at most 65500 pixels a
/// side"; empty where it keeps them all.
std::string broken_image_bound(Index width, Index height);

/// Throws `Error(InvalidArgument)` where `image`, filled in by a caller, exceeds a bound.
void expect_image_bounds(std::string_view what, const Image& image);

}  // namespace sapiens

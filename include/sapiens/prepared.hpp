#pragma once

#include <span>
#include <string>

namespace sapiens {

/// Why `values` do not look like those of a prepared input, resized and normalised: most likely
/// those of an image, 0 to 255 or 0 to 1. Empty where nothing is odd.
std::string doubt_about_prepared(std::span<const float> values);

}  // namespace sapiens

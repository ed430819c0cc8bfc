#pragma once

#include <span>
#include <string>

namespace sapiens {

/// Checks whether the values of an input look normalised. Returns a warning if they look like those
/// of an image, 0 to 255 or 0 to 1, otherwise an empty text.
std::string prepared_input_warning(std::span<const float> values);

}  // namespace sapiens

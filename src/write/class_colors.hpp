#pragma once

#include <array>

#include "sapiens/labels.hpp"

namespace sapiens {

/// Colours for classes to which nobody gave any, as many as there are ids. Hues a golden angle
/// apart: neighbouring classes differ, however many there are; the background is grey.
std::array<Rgb, 256> made_up_class_colors();

}  // namespace sapiens

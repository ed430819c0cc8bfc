#pragma once

#include <cstdint>
#include <vector>

#include "random.hpp"

namespace mannequin {

/// Simulates a camera on linear colours: exposure, white balance, blur, noise, 8 bits of sRGB.
std::vector<std::uint8_t> develop(std::vector<Vec3> color, int width, int height, Random& random);

}  // namespace mannequin

#pragma once

#include <limits>

namespace sapiens {

inline constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

}  // namespace sapiens

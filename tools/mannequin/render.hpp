#pragma once

#include <vector>

#include "room.hpp"

namespace mannequin {

/// The surface at each pixel's centre, and the colours of whole pixels. Rows from top to bottom.
struct Rendering {
  int width = 0, height = 0;
  std::vector<Vec3> color = {};          ///< Linear.
  std::vector<std::uint8_t> label = {};  ///< 0 where the person is not seen.
  std::vector<std::uint8_t> part = {};   ///< A Part where `label` is not 0.
  std::vector<float> depth = {};  ///< Along the optical axis, in metres; 0 where no person is.
  std::vector<Vec3> normal = {};  ///< In the camera's frame; 0 where no person is.
};

Rendering render(const Figure& figure, const Room& room, const Light& light, const Camera& camera);

}  // namespace mannequin

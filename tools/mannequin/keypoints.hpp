#pragma once

#include <array>

#include "dress.hpp"
#include "render.hpp"

namespace mannequin {

inline constexpr int kKeypoints = 17;

/// As COCO has it: `visible` is 2 for what is seen, 1 for what something hides, the person's own
/// body included, and 0 outside the image, where x and y are 0, too. Integers are middles of
/// pixels.
struct Keypoint {
  float x = 0, y = 0;
  int visible = 0;
};

/// In COCO's order.
std::array<Keypoint, kKeypoints> find_keypoints(const Body& body, const Skeleton& bones,
                                                const Camera& camera, const Rendering& seen);

}  // namespace mannequin

#pragma once

#include <array>

#include "dress.hpp"
#include "render.hpp"

namespace mannequin {

inline constexpr int kKeypoints = 17;

/// A keypoint as in COCO: `visible` is 2 for visible points, 1 for points occluded by anything, the
/// person's own body included, and 0 outside the image, where x and y are 0, too. Integers are
/// centres of pixels.
struct Keypoint {
  float x = 0, y = 0;
  int visible = 0;
};

/// Projects the keypoints, in COCO's order.
std::array<Keypoint, kKeypoints> find_keypoints(const Body& body, const Skeleton& bones,
                                                const Camera& camera, const Rendering& seen);

}  // namespace mannequin

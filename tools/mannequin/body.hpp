#pragma once

#include "random.hpp"

namespace mannequin {

/// The proportions of a person: lengths between joints and girth, in metres.
struct Body {
  float scale = 1;  ///< Height divided by 1.75 m; the values below are already scaled.
  float girth = 1;  ///< Factor of the radii of limbs.
  float belly = 1;  ///< Factor of the waist, on top of `girth`.
  /// From 0, straight hips and flat chest, to 1, wide hips, narrow shoulders, breasts.
  float curves = 0;
  float head = 1;  ///< Factor of the head; children's are large for their height.

  float hip_half = 0, pelvis = 0, spine = 0, chest = 0, neck = 0, shoulder_half = 0;
  float upper_arm = 0, forearm = 0, hand = 0;
  float thigh = 0, shin = 0, ankle_height = 0, foot = 0;

  /// The radius of a limb at this girth.
  float thick(float radius) const { return radius * scale * girth; }
};

Body random_body(Random& random);

}  // namespace mannequin

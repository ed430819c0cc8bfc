#pragma once

#include "random.hpp"

namespace mannequin {

/// Lengths between joints and the girth of a person, in metres.
struct Body {
  float scale = 1;   ///< Height over 1.75 m; everything below is scaled already.
  float girth = 1;   ///< Factor of the radii of limbs.
  float belly = 1;   ///< Factor of the waist, on top of `girth`.
  float curves = 0;  ///< 0: straight hips, flat chest; 1: wide hips, narrow shoulders, breasts.
  float head = 1;    ///< Factor of the head; children's are large for their height.

  float hip_half = 0, pelvis = 0, spine = 0, chest = 0, neck = 0, shoulder_half = 0;
  float upper_arm = 0, forearm = 0, hand = 0;
  float thigh = 0, shin = 0, ankle_height = 0, foot = 0;

  /// A radius of a limb.
  float thick(float radius) const { return radius * scale * girth; }
};

Body random_body(Random& random);

}  // namespace mannequin

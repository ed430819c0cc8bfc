#pragma once

#include <array>

#include "random.hpp"

namespace mannequin {

// Angles in degrees, all 0 for a person who stands straight with hanging arms. Index 0 is the
// person's left side.

struct ArmPose {
  float flex = 0;     ///< Shoulder, forwards and up.
  float abduct = 0;   ///< Shoulder, sideways and up.
  float twist = 0;    ///< Rotation of the upper arm, which turns the elbow inwards.
  float elbow = 0;    ///< 0 straight, 145 folded.
  float pronate = 0;  ///< Rotation of the forearm, which turns the palm backwards.
  float wrist = 0;    ///< Towards the palm.
  float curl = 20;    ///< Bend of the fingers.
  float spread = 4;   ///< Between fingers.
};

struct LegPose {
  float flex = 0;    ///< Hip, forwards and up.
  float abduct = 0;  ///< Hip, sideways.
  float twist = 0;   ///< Toes outwards.
  float knee = 0;    ///< 0 straight.
  float ankle = 0;   ///< Toes down; used only for a foot that is not flat.
  bool flat = true;  ///< The sole is level, whatever the shin does.
};

struct Pose {
  float pelvis_pitch = 0;               ///< Leaning forwards.
  float pelvis_roll = 0;                ///< Leaning to the person's right.
  float bend = 0, side = 0, twist = 0;  ///< Spine: forwards, right, left.
  float nod = 0, turn = 0, tilt = 0;    ///< Head: down, left, right.
  std::array<ArmPose, 2> arms = {};
  std::array<LegPose, 2> legs = {};
  bool seated = false;  ///< The person sits on an object.
};

/// A pose of one of several families (standing, walking, running, reaching, arms raised, sitting,
/// crouching, dancing ...), within the limits of the joints.
Pose random_pose(Random& random);

/// Clamps all angles to the limits of the joints, so that the families need not.
Pose within_limits(Pose pose);

}  // namespace mannequin

#pragma once

#include <array>

#include "body.hpp"
#include "pose.hpp"

namespace mannequin {

/// The bones of a posed person in the world, with the feet on the floor and the hips above its
/// origin. A bone's frame is at its upper joint, and the bone extends along -y; the person faces +z
/// at rest. Index 0 is the person's left, which is +x at rest.
struct Skeleton {
  Frame pelvis, spine, chest, neck;
  Frame head;  ///< The origin is the centre of the head.
  std::array<Frame, 2> upper_arm, forearm, hand;
  std::array<Frame, 2> thigh, shin, foot;

  /// True if an arm passes through the body or the head.
  bool collides(const Body& body) const;
};

Skeleton posed(const Body& body, const Pose& pose);

/// 1 for the person's left, -1 for the right.
constexpr float side_of(int index) { return index == 0 ? 1.0f : -1.0f; }

}  // namespace mannequin

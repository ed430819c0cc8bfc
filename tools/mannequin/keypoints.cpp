#include "keypoints.hpp"

namespace mannequin {
namespace {

struct Joint {
  Vec3 place;       ///< Position in the world.
  float flesh = 0;  ///< How far behind the visible surface it may lie, in metres at 1.75 m height.
  std::array<Part, 3> parts;  ///< The parts that must be visible there.
};

std::array<Joint, kKeypoints> joints_of(const Body& body, const Skeleton& bones) {
  std::array<Joint, kKeypoints> joints;
  const FacePoints face = face_points(body);
  constexpr std::array<Part, 3> kHead = {Part::Head, Part::Head, Part::Head};
  joints[0] = {bones.head.to_world(face.nose), 0.022f, kHead};
  for (int i = 0; i < 2; ++i) {
    const auto at = [&](int left) -> Joint& { return joints[static_cast<std::size_t>(left + i)]; };
    const auto part = [&](Part left) { return part_of(left, i); };
    at(1) = {bones.head.to_world(face.eyes[i]), 0.022f, kHead};
    at(3) = {bones.head.to_world(face.ears[i]), 0.030f, kHead};
    const Part arm = part(Part::LeftUpperArm), forearm = part(Part::LeftForearm);
    const Part thigh = part(Part::LeftThigh), shin = part(Part::LeftShin);
    at(5) = {bones.upper_arm[i].origin, 0.12f, {arm, Part::Torso, arm}};
    at(7) = {bones.forearm[i].origin, 0.09f, {arm, forearm, arm}};
    at(9) = {bones.hand[i].origin, 0.07f, {forearm, part(Part::LeftHand), forearm}};
    at(11) = {bones.thigh[i].origin, 0.21f, {thigh, Part::Pelvis, Part::Torso}};
    at(13) = {bones.shin[i].origin, 0.14f, {thigh, shin, thigh}};
    at(15) = {bones.foot[i].origin, 0.09f, {shin, part(Part::LeftFoot), shin}};
  }
  return joints;
}

/// True if the joint's own part is visible in the pixel or next to it, because a nose in profile
/// lies on the edge of the head.
bool is_seen(const Joint& joint, const Projected& at, float flesh, const Rendering& seen) {
  const int cx = static_cast<int>(std::lround(at.x)), cy = static_cast<int>(std::lround(at.y));
  for (int y = std::max(cy - 1, 0); y <= std::min(cy + 1, seen.height - 1); ++y) {
    for (int x = std::max(cx - 1, 0); x <= std::min(cx + 1, seen.width - 1); ++x) {
      const auto i = static_cast<std::size_t>(y * seen.width + x);
      if (seen.label[i] == kBackground || seen.depth[i] < at.depth - flesh) continue;
      for (const Part part : joint.parts) {
        if (seen.part[i] == static_cast<std::uint8_t>(part)) return true;
      }
    }
  }
  return false;
}

}  // namespace

std::array<Keypoint, kKeypoints> find_keypoints(const Body& body, const Skeleton& bones,
                                                const Camera& camera, const Rendering& seen) {
  std::array<Keypoint, kKeypoints> points;
  const std::array<Joint, kKeypoints> joints = joints_of(body, bones);
  for (std::size_t i = 0; i < points.size(); ++i) {
    const Projected at = camera.project(joints[i].place);
    const bool inside = at.depth > 0 && -0.5f <= at.x && at.x < real(camera.width) - 0.5f &&
                        -0.5f <= at.y && at.y < real(camera.height) - 0.5f;
    if (!inside) continue;
    const float flesh = joints[i].flesh * body.scale * std::max(body.girth, 1.0f);
    points[i] = {at.x, at.y, is_seen(joints[i], at, flesh, seen) ? 2 : 1};
  }
  return points;
}

}  // namespace mannequin

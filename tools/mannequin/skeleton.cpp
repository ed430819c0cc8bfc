#include "skeleton.hpp"

namespace mannequin {
namespace {

Rotation leaning(float forwards, float right, float left_turn) {
  return z_to_x(left_turn * kDegree) * y_to_z(forwards * kDegree) * x_to_y(-right * kDegree);
}

void pose_trunk(const Body& body, const Pose& pose, Skeleton& bones) {
  bones.pelvis.turn = leaning(pose.pelvis_pitch, pose.pelvis_roll, 0);
  const Rotation half = leaning(pose.bend / 2, pose.side / 2, pose.twist / 2);
  bones.spine = {bones.pelvis.turn * half, bones.pelvis.to_world({0, body.pelvis, 0})};
  bones.chest = {bones.spine.turn * half, bones.spine.to_world({0, body.spine, 0})};
  const Rotation look = leaning(pose.nod / 2, pose.tilt / 2, pose.turn / 2);
  bones.neck = {bones.chest.turn * look,
                bones.chest.to_world({0, body.chest, -0.02f * body.scale})};
  bones.head = {bones.neck.turn * look, bones.neck.to_world({0, body.neck, 0.008f * body.scale})};
  bones.head.origin =
      bones.head.to_world(Vec3{0, 0.082f, 0.018f} * (body.head * std::sqrt(body.scale)));
}

void pose_arm(const Body& body, const ArmPose& arm, int index, Skeleton& bones) {
  const float side = side_of(index);
  const Rotation shoulder = y_to_z(-arm.flex * kDegree) * x_to_y(side * arm.abduct * kDegree) *
                            z_to_x(-side * arm.twist * kDegree);
  // The collar bone lifts the joint when the arm is raised.
  const float lift = std::max(0.0f, 0.35f - shoulder.y.y);
  const Vec3 joint{side * (body.shoulder_half - 0.022f * body.scale * lift),
                   body.chest - (0.052f - 0.042f * lift) * body.scale, -0.012f * body.scale};
  bones.upper_arm[index] = {bones.chest.turn * shoulder, bones.chest.to_world(joint)};
  bones.forearm[index] = {bones.upper_arm[index].turn * y_to_z(-arm.elbow * kDegree),
                          bones.upper_arm[index].to_world({0, -body.upper_arm, 0})};
  const Rotation wrist =
      z_to_x(-side * arm.pronate * kDegree) * x_to_y(-side * arm.wrist * kDegree);
  bones.hand[index] = {bones.forearm[index].turn * wrist,
                       bones.forearm[index].to_world({0, -body.forearm, 0})};
}

/// A level foot that points in the direction of the shin.
Rotation level(const Rotation& shin, float side) {
  Vec3 forwards{shin.z.x, 0, shin.z.z};
  if (length(forwards) < 0.3f) forwards = Vec3{-shin.y.x, 0, -shin.y.z} + forwards;
  if (length(forwards) < 1e-3f) forwards = {0.1f * side, 0, 1};
  const Vec3 z = normalize(forwards), y{0, 1, 0};
  return {cross(y, z), y, z};
}

void pose_leg(const Body& body, const LegPose& leg, int index, Skeleton& bones) {
  const float side = side_of(index);
  const Rotation hip = y_to_z(-leg.flex * kDegree) * x_to_y(side * leg.abduct * kDegree) *
                       z_to_x(side * leg.twist * kDegree);
  bones.thigh[index] = {bones.pelvis.turn * hip,
                        bones.pelvis.to_world({side * body.hip_half, 0, 0})};
  bones.shin[index] = {bones.thigh[index].turn * y_to_z(leg.knee * kDegree),
                       bones.thigh[index].to_world({0, -body.thigh, 0})};
  bones.foot[index].origin = bones.shin[index].to_world({0, -body.shin, 0});
  bones.foot[index].turn = leg.flat ? level(bones.shin[index].turn, side)
                                    : bones.shin[index].turn * y_to_z(leg.ankle * kDegree);
}

/// The lowest point of feet, knees and seat.
float lowest(const Body& body, const Skeleton& bones) {
  float low = bones.pelvis.origin.y - 0.13f * body.scale;
  for (int i = 0; i < 2; ++i) {
    const Vec3 heel{0, -body.ankle_height, -0.2f * body.foot};
    const Vec3 toe{0, -body.ankle_height, 0.74f * body.foot};
    low = std::min({low, bones.foot[i].to_world(heel).y, bones.foot[i].to_world(toe).y,
                    bones.shin[i].origin.y - body.thick(0.06f)});
  }
  return low;
}

void move(Skeleton& bones, Vec3 by) {
  for (Frame* frame : {&bones.pelvis, &bones.spine, &bones.chest, &bones.neck, &bones.head}) {
    frame->origin = frame->origin + by;
  }
  for (auto* pair :
       {&bones.upper_arm, &bones.forearm, &bones.hand, &bones.thigh, &bones.shin, &bones.foot}) {
    for (Frame& frame : *pair) frame.origin = frame.origin + by;
  }
}

float to_segment(Vec3 p, Vec3 a, Vec3 b) {
  const Vec3 ab = b - a;
  return length(p - a - ab * clamp01(dot(p - a, ab) / dot(ab, ab)));
}

}  // namespace

Skeleton posed(const Body& body, const Pose& pose) {
  Skeleton bones;
  pose_trunk(body, pose, bones);
  for (int i = 0; i < 2; ++i) {
    pose_arm(body, pose.arms[i], i, bones);
    pose_leg(body, pose.legs[i], i, bones);
  }
  move(bones, {0, -lowest(body, bones), 0});
  return bones;
}

bool Skeleton::collides(const Body& body) const {
  const float waist = 0.105f * body.scale * body.girth * body.belly + 0.045f * body.scale;
  for (int i = 0; i < 2; ++i) {
    const Vec3 tip = hand[i].to_world({0, -body.hand * 0.8f, 0});
    const Vec3 elbow = forearm[i].origin, wrist = hand[i].origin;
    for (const Vec3 p : {elbow, mix(elbow, wrist, 0.5f), wrist, tip}) {
      // The trunk is wider than deep.
      const Vec3 in_chest = chest.to_local(p) * Vec3{0.75f, 1, 1};
      const Vec3 pelvis_in_chest = chest.to_local(pelvis.origin);
      if (to_segment(in_chest, pelvis_in_chest, {0, 0.75f * body.chest, 0}) < waist) return true;
      if (length(p - head.origin) < 0.125f * body.head * body.scale) return true;
      if (p.y < 0.04f) return true;
      for (int leg = 0; leg < 2; ++leg) {
        if (to_segment(p, thigh[leg].origin, shin[leg].origin) < body.thick(0.095f)) return true;
      }
    }
    const Vec3 other = forearm[1 - i].origin;
    for (const Vec3 p : {wrist, tip, mix(elbow, wrist, 0.5f)}) {
      if (to_segment(p, other, hand[1 - i].origin) < 0.07f * body.scale) return true;
    }
  }
  // Tests whether one leg passes through the other.
  return to_segment(foot[0].origin, shin[1].origin, foot[1].origin) < body.thick(0.10f) ||
         to_segment(foot[1].origin, shin[0].origin, foot[0].origin) < body.thick(0.10f) ||
         to_segment(shin[0].origin, thigh[1].origin, shin[1].origin) < body.thick(0.10f);
}

}  // namespace mannequin

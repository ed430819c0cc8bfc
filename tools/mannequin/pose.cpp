#include "pose.hpp"

#include <utility>

namespace mannequin {
namespace {

ArmPose hanging(Random& random) {
  return {.flex = random.around(2, 14),
          .abduct = random.range(6, 20),
          .twist = random.around(10, 25),
          .elbow = random.range(3, 35),
          .pronate = random.around(15, 35),
          .wrist = random.around(5, 12),
          .curl = random.range(10, 45)};
}

ArmPose hand_on_hip(Random& random) {
  return {.flex = random.around(-18, 8),
          .abduct = random.range(38, 52),
          .twist = random.range(62, 82),
          .elbow = random.range(80, 100),
          .pronate = random.around(10, 20),
          .wrist = random.range(-25, 15),
          .curl = random.range(20, 60)};
}

ArmPose raised(Random& random) {
  return {.flex = random.range(85, 170),
          .abduct = random.range(5, 45),
          .twist = random.around(0, 30),
          .elbow = random.range(0, 80),
          .pronate = random.range(-40, 70),
          .wrist = random.around(-5, 20),
          .curl = random.range(0, 30),
          .spread = random.range(3, 14)};
}

/// An arm sideways and up, as for waving or balance.
ArmPose sideways(Random& random) {
  return {.flex = random.around(10, 25),
          .abduct = random.range(50, 130),
          .twist = random.around(-40, 50),
          .elbow = random.range(0, 110),
          .pronate = random.range(-30, 70),
          .curl = random.range(0, 40),
          .spread = random.range(2, 12)};
}

ArmPose reaching(Random& random) {
  return {.flex = random.range(45, 110),
          .abduct = random.around(8, 20),
          .twist = random.around(0, 30),
          .elbow = random.range(0, 50),
          .pronate = random.range(-20, 80),
          .wrist = random.around(0, 20),
          .curl = random.range(0, 60)};
}

/// A forearm in front of the body: folded arms, a telephone, hands together.
ArmPose in_front(Random& random) {
  return {.flex = random.range(18, 48),
          .abduct = random.range(4, 22),
          .twist = random.range(15, 55),
          .elbow = random.range(70, 125),
          .pronate = random.range(-20, 60),
          .wrist = random.around(0, 15),
          .curl = random.range(15, 70)};
}

ArmPose any_arm(Random& random) {
  switch (random.pick({3, 1.2f, 1, 1, 1.2f, 1.5f})) {
    case 0:
      return hanging(random);
    case 1:
      return hand_on_hip(random);
    case 2:
      return raised(random);
    case 3:
      return sideways(random);
    case 4:
      return reaching(random);
    default:
      return in_front(random);
  }
}

LegPose standing_leg(Random& random) {
  const float knee = random.range(0, 10);
  return {.flex = knee * 0.5f + random.around(0, 4),
          .abduct = random.range(1, 9),
          .twist = random.range(-4, 22),
          .knee = knee};
}

Pose standing(Random& random) {
  Pose pose;
  for (LegPose& leg : pose.legs) leg = standing_leg(random);
  if (random.chance(0.5f)) {  // weight on one leg, the other knee bent
    LegPose& free = pose.legs[random.below(2)];
    free.knee = random.range(10, 35);
    free.flex = free.knee * 0.55f;
    pose.pelvis_roll = (&free == &pose.legs[0] ? 1 : -1) * random.range(-6, 1);
    pose.side = -pose.pelvis_roll * 1.3f;
  }
  for (ArmPose& arm : pose.arms) arm = any_arm(random);
  if (random.chance(0.35f)) pose.arms = {hanging(random), hanging(random)};
  pose.bend = random.around(3, 8);
  return pose;
}

Pose moving(Random& random, bool running) {
  Pose pose;
  const float stride = running ? random.range(30, 55) : random.range(14, 30);
  const int front = random.below(2);
  LegPose& ahead = pose.legs[front];
  LegPose& behind = pose.legs[1 - front];
  ahead = {.flex = stride + (running ? random.range(5, 30) : 0.0f),
           .abduct = random.range(0, 4),
           .knee = running ? random.range(35, 95) : random.range(4, 22),
           .ankle = running ? 10.0f : -5.0f,
           .flat = false};
  behind = {.flex = -stride * random.range(0.45f, 0.8f),
            .abduct = random.range(0, 4),
            .knee = running ? random.range(20, 95) : random.range(8, 45),
            .ankle = random.range(5, 30),
            .flat = false};
  for (int i = 0; i < 2; ++i) {
    const float swing = (i == front ? -1.0f : 1.0f) * stride * random.range(0.6f, 1.1f);
    pose.arms[i] = {.flex = swing,
                    .abduct = random.range(5, 14),
                    .twist = random.range(5, 30),
                    .elbow = running ? random.range(70, 110) : random.range(8, 40),
                    .pronate = random.range(0, 40),
                    .curl = random.range(25, 75)};
  }
  pose.pelvis_pitch = running ? random.range(4, 16) : random.range(0, 5);
  pose.twist = (front == 0 ? -1 : 1) * random.range(2, 14);
  return pose;
}

Pose sitting(Random& random) {
  Pose pose;
  pose.seated = true;
  const float slouch = random.range(-12, 12);
  pose.pelvis_pitch = -slouch;
  pose.bend = slouch + random.range(0, 18);
  for (LegPose& leg : pose.legs) {
    const float flex = random.range(74, 92);
    leg = {.flex = flex - slouch * 0.5f,
           .abduct = random.range(2, 18),
           .twist = random.around(2, 10),
           .knee = flex + random.around(0, 14)};
  }
  for (ArmPose& arm : pose.arms) {
    arm = random.chance(0.6f) ? ArmPose{.flex = random.range(15, 42),
                                        .abduct = random.range(6, 18),
                                        .twist = random.range(5, 40),
                                        .elbow = random.range(35, 75),
                                        .pronate = random.range(20, 70),
                                        .curl = random.range(10, 50)}
                              : any_arm(random);
  }
  return pose;
}

Pose crouching(Random& random) {
  Pose pose;
  const float depth = random.unit();
  pose.pelvis_pitch = random.range(10, 30) * depth + 5;
  for (LegPose& leg : pose.legs) {
    const float knee = mix(30, 125, depth) + random.around(0, 8);
    leg = {.flex = knee * 0.52f + pose.pelvis_pitch,
           .abduct = random.range(6, 26),
           .twist = random.range(4, 24),
           .knee = knee};
  }
  for (ArmPose& arm : pose.arms) arm = random.chance(0.5f) ? reaching(random) : any_arm(random);
  pose.bend = random.range(5, 30);
  pose.nod = -random.range(0, 30);
  return pose;
}

/// One foot far ahead, as for fencing, throwing or climbing a step.
Pose lunging(Random& random) {
  Pose pose;
  const int front = random.below(2);
  const float depth = random.range(0.3f, 1.0f);
  pose.legs[front] = {.flex = 70 * depth + 8,
                      .abduct = random.range(2, 12),
                      .twist = random.range(0, 12),
                      .knee = 75 * depth};
  pose.legs[1 - front] = {.flex = -28 * depth,
                          .abduct = random.range(2, 14),
                          .twist = random.range(5, 30),
                          .knee = random.range(5, 35) * depth,
                          .ankle = 20,
                          .flat = false};
  for (ArmPose& arm : pose.arms) arm = any_arm(random);
  pose.bend = random.around(6, 14);
  pose.twist = random.around(0, 25);
  return pose;
}

Pose bowing(Random& random) {
  Pose pose = standing(random);
  pose.pelvis_pitch = random.range(10, 50);
  pose.bend = random.range(10, 45);
  pose.nod = -random.range(0, 40);
  for (LegPose& leg : pose.legs) leg.flex += pose.pelvis_pitch;
  for (ArmPose& arm : pose.arms) {
    if (random.chance(0.6f)) arm = reaching(random);
  }
  return pose;
}

/// Any angles within the limits of the joints.
Pose dancing(Random& random) {
  Pose pose;
  for (ArmPose& arm : pose.arms) {
    arm = {.flex = random.range(-35, 165),
           .abduct = random.range(5, 100),
           .twist = random.range(-50, 75),
           .elbow = random.range(0, 130),
           .pronate = random.range(-50, 80),
           .wrist = random.around(0, 30),
           .curl = random.range(0, 80),
           .spread = random.range(2, 14)};
  }
  const bool kick = random.chance(0.5f);
  for (LegPose& leg : pose.legs) {
    leg = {.flex = random.range(-15, 35),
           .abduct = random.range(2, 32),
           .twist = random.range(-10, 35),
           .knee = random.range(0, 40)};
  }
  if (kick) {
    pose.legs[random.below(2)] = {.flex = random.range(-35, 95),
                                  .abduct = random.range(2, 50),
                                  .twist = random.range(0, 35),
                                  .knee = random.range(0, 110),
                                  .ankle = random.range(0, 35),
                                  .flat = false};
  }
  pose.pelvis_pitch = random.around(0, 12);
  pose.bend = random.around(0, 25);
  pose.side = random.around(0, 25);
  pose.twist = random.around(0, 35);
  return pose;
}

Pose of_some_family(Random& random) {
  switch (random.pick({34, 16, 9, 12, 7, 8, 5, 9})) {
    case 0:
      return standing(random);
    case 1:
      return moving(random, false);
    case 2:
      return moving(random, true);
    case 3:
      return sitting(random);
    case 4:
      return crouching(random);
    case 5:
      return lunging(random);
    case 6:
      return bowing(random);
    default:
      return dancing(random);
  }
}

}  // namespace

Pose within_limits(Pose pose) {
  const auto limit = [](float& angle, float low, float high) {
    angle = std::clamp(angle, low, high);
  };
  limit(pose.bend, -25, 60);
  limit(pose.side, -30, 30);
  limit(pose.twist, -45, 45);
  limit(pose.nod, -45, 45);
  limit(pose.turn, -70, 70);
  limit(pose.tilt, -30, 30);
  for (ArmPose& arm : pose.arms) {
    limit(arm.flex, -45, 172);
    limit(arm.abduct, 2, 150);
    limit(arm.twist, -70, 90);
    limit(arm.elbow, 0, 142);
    limit(arm.pronate, -60, 90);
    limit(arm.wrist, -60, 70);
    limit(arm.curl, 0, 85);
  }
  for (LegPose& leg : pose.legs) {
    limit(leg.flex, -38, 125);
    limit(leg.abduct, -4, 55);
    limit(leg.twist, -25, 45);
    limit(leg.knee, 0, 142);
    limit(leg.ankle, -20, 45);
  }
  return pose;
}

Pose random_pose(Random& random) {
  Pose pose = of_some_family(random);
  pose.nod += random.around(4, 18);
  pose.turn += random.around(0, 40);
  pose.tilt += random.around(0, 12);
  return within_limits(pose);
}

}  // namespace mannequin

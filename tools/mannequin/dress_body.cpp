#include "dress.hpp"

namespace mannequin {
namespace {

Shape limb(Vec3 a, Vec3 b, float ra, float rb, float blend = 0.015f) {
  return {.a = a, .b = b, .ra = ra, .rb = rb, .blend = blend};
}

Group skin_group(const Dressing& d, const Frame& frame, Part part, std::uint8_t label,
                 std::uint16_t material, std::vector<Shape> shapes) {
  return {.frame = frame,
          .part = part,
          .label = label,
          .material = material,
          .blend = d.sized(0.02f),
          .shapes = std::move(shapes)};
}

std::vector<Shape> hand_shapes(const Body& body, const ArmPose& pose, int index) {
  const float side = side_of(index), size = body.hand / 0.185f;
  const auto at = [&](float palm, float down, float thumb) {
    return Vec3{-side * palm * size, -down * size, thumb * size};
  };
  std::vector<Shape> shapes = {
      {.kind = Kind::Box,
       .a = at(0, 0.050f, 0.002f),
       .b = Vec3{0.0155f, 0.046f, 0.040f} * size,
       .ra = 0.014f * size},
      limb(at(0, -0.006f, 0), at(0, 0.03f, 0), 0.026f * size, 0.022f * size, 0.02f)};
  const float curl = pose.curl * kDegree;
  for (int finger = 0; finger < 4; ++finger) {
    const float offset = (1.5f - real(finger)) * 0.0195f;
    const float reach = finger == 1 ? 0.046f : finger == 3 ? 0.034f : 0.042f;
    const float fan = offset / 0.03f * pose.spread * kDegree;
    const Vec3 knuckle = at(0, 0.088f, offset);
    const auto along = [&](float bend) {
      return at(reach * std::sin(bend), reach * std::cos(bend), reach * fan);
    };
    const Vec3 middle = knuckle + along(curl * 0.9f);
    const Vec3 tip = middle + along(curl * 2.0f) * 0.9f;
    shapes.push_back(limb(knuckle, middle, 0.0105f * size, 0.0098f * size, 0.006f));
    shapes.push_back(limb(middle, tip, 0.0098f * size, 0.0082f * size, 0.003f));
  }
  const Vec3 base = at(0.006f, 0.022f, 0.028f), joint = at(0.020f, 0.052f, 0.056f);
  shapes.push_back(limb(base, joint, 0.0155f * size, 0.0125f * size, 0.02f));
  shapes.push_back(
      limb(joint, joint + at(0.006f, 0.030f, 0.008f), 0.012f * size, 0.0095f * size, 0.004f));
  return shapes;
}

std::vector<Shape> foot_shapes(const Body& body, int index) {
  const float side = side_of(index), length = body.foot, sole = -body.ankle_height;
  const float r = body.scale;
  std::vector<Shape> shapes = {
      limb({0, 0, 0}, {0, sole + 0.036f * r, -0.17f * length}, 0.037f * r, 0.036f * r),
      limb({0, -0.01f * r, 0.02f}, {0, sole + 0.026f * r, 0.48f * length}, 0.038f * r, 0.026f * r,
           0.03f),
      limb({0, sole + 0.03f * r, -0.1f * length},
           {side * 0.012f * r, sole + 0.022f * r, 0.50f * length}, 0.030f * r, 0.034f * r, 0.03f)};
  for (int toe = 0; toe < 5; ++toe) {
    const float x = -side * (0.026f - 0.0145f * real(toe)) * r;
    const float reach = (0.74f - 0.032f * real(toe)) * length;
    const float radius = (toe == 0 ? 0.0135f : 0.0095f) * r;
    shapes.push_back(limb({x, sole + 0.018f * r, 0.52f * length}, {x, sole + radius, reach},
                          radius * 1.2f, radius, 0.006f));
  }
  shapes.push_back(
      {.kind = Kind::HalfSpace, .a = {0, sole, 0}, .b = {0, 1, 0}, .blend = 0.006f, .carve = true});
  return shapes;
}

void add_arm(const Dressing& d, int i, std::uint16_t skin) {
  const Body& body = d.body;
  const bool covered = d.look.top == Top::Shirt || d.look.top == Top::Coat;
  if (!covered || d.look.sleeve < 1) {
    const Vec3 bulge{0, -0.38f * body.upper_arm, 0.006f};
    d.figure.add(skin_group(
        d, d.bones.upper_arm[i], part_of(Part::LeftUpperArm, i), class_of(kLeftUpperArm, i), skin,
        {limb({}, bulge, body.thick(0.054f), body.thick(0.049f)),
         limb(bulge, {0, -body.upper_arm, 0}, body.thick(0.049f), body.thick(0.039f))}));
  }
  const float shown = covered ? std::max(d.look.sleeve - 1.15f, 0.0f) : 0.0f;
  const Vec3 thickest{0, -std::max(0.28f, shown) * body.forearm, 0};
  const float below = mix(body.thick(0.042f), body.thick(0.027f), std::max(shown - 0.28f, 0.0f));
  d.figure.add(skin_group(d, d.bones.forearm[i], part_of(Part::LeftForearm, i),
                          class_of(kLeftLowerArm, i), skin,
                          {limb({0, -shown * body.forearm, 0}, thickest, body.thick(0.039f), below),
                           limb(thickest, {0, -body.forearm, 0}, below, body.thick(0.027f))}));
}

void add_leg(const Dressing& d, int i, std::uint16_t skin) {
  const Body& body = d.body;
  const float hips = 1 + 0.10f * body.curves;
  if (d.look.leg < 1.05f) {
    // Starts slightly above the hem, because covered skin must not show through.
    const float hem = std::clamp(d.look.leg - 0.15f, 0.0f, 0.9f);
    const float middle = std::max(0.35f, hem);
    const float at_middle =
        mix(body.thick(0.080f) * hips, body.thick(0.055f), (middle - 0.35f) / 0.65f);
    const float at_hem = mix(body.thick(0.086f) * hips, at_middle, hem / middle);
    d.figure.add(skin_group(
        d, d.bones.thigh[i], part_of(Part::LeftThigh, i), class_of(kLeftUpperLeg, i), skin,
        {limb({0, -hem * body.thigh, 0}, {0, -middle * body.thigh, 0.004f}, at_hem, at_middle),
         limb({0, -middle * body.thigh, 0.004f}, {0, -body.thigh, 0}, at_middle,
              body.thick(0.055f))}));
  }
  const float shown = std::max(d.look.leg - 1.15f, 0.0f);
  const Vec3 calf{0, -std::max(0.30f, shown) * body.shin, -0.014f * body.scale};
  const float below = mix(body.thick(0.055f), body.thick(0.036f), std::max(shown - 0.3f, 0.0f));
  d.figure.add(skin_group(
      d, d.bones.shin[i], part_of(Part::LeftShin, i), class_of(kLeftLowerLeg, i), skin,
      {limb({0, -shown * body.shin, 0}, calf, body.thick(0.054f) * (1 - 0.4f * shown), below),
       limb(calf, {0, -body.shin, 0}, below, body.thick(0.036f))}));
}

}  // namespace

std::vector<Shape> trunk_shapes(const Body& body, Trunk which, float ease) {
  const float s = body.scale, g = s * std::sqrt(body.girth), curves = body.curves;
  const float belly = g * body.belly;
  const auto ball = [&](Vec3 center, Vec3 radii, float blend) {
    return Shape{.kind = Kind::Ellipsoid,
                 .a = center,
                 .b = radii + Vec3{ease, ease, ease},
                 .blend = blend * s};
  };
  std::vector<Shape> shapes;
  if (which == Trunk::Chest) {
    const float width = body.shoulder_half - 0.045f * s;
    const float shoulder = body.chest - 0.058f * s;
    shapes.push_back(ball({0, 0.055f * s, 0.006f * s},
                          {0.148f * g - 0.012f * curves, 0.195f * s, 0.104f * g}, 0.02f));
    shapes.push_back(limb({-width, shoulder, -0.014f * s}, {width, shoulder, -0.014f * s},
                          body.thick(0.054f) + ease, body.thick(0.054f) + ease, 0.05f * s));
    for (int i = 0; i < 2; ++i) {
      const float side = side_of(i);
      shapes.push_back(limb({side * 0.02f * s, body.chest + 0.012f * s, -0.022f * s},
                            {side * width, shoulder + 0.022f * s, -0.02f * s},
                            body.thick(0.036f) + ease, body.thick(0.030f) + ease, 0.04f * s));
      const Vec3 breast{side * 0.072f * g, 0.055f * s, (0.066f + 0.020f * curves) * g};
      const float radius = (0.044f + 0.016f * curves) * g;
      shapes.push_back(ball(breast, {radius * 1.2f, radius, radius}, 0.04f));
    }
  } else if (which == Trunk::Waist) {
    shapes.push_back(ball({0, 0.02f * s, 0},
                          {(0.128f - 0.014f * curves) * belly, 0.17f * s, 0.092f * belly}, 0.02f));
    const float out = std::max(0.0f, body.belly - 1);
    shapes.push_back(ball({0, -0.03f * s, (0.03f + 0.12f * out) * g},
                          {0.105f * belly, 0.115f * s, 0.075f * belly}, 0.06f));
  } else {
    const float hips = 1 + 0.07f * curves;
    shapes.push_back(
        ball({0, 0.035f * s, 0}, {0.150f * g * hips, 0.125f * s, 0.104f * belly}, 0.02f));
    for (int i = 0; i < 2; ++i) {
      shapes.push_back(ball({side_of(i) * 0.066f * g * hips, -0.025f * s, -0.052f * g},
                            {0.080f * g * hips, 0.085f * s, 0.074f * g}, 0.04f));
      shapes.push_back(ball({side_of(i) * 0.082f * g * hips, -0.03f * s, 0.004f},
                            {0.080f * g * hips, 0.10f * s, 0.085f * g}, 0.04f));
    }
  }
  return shapes;
}

void add_skin(const Dressing& d) {
  const std::uint16_t skin = d.figure.add(d.look.skin);
  const auto trunk = [&](const Frame& frame, Part part, Trunk which) {
    Group group = skin_group(d, frame, part, kTorso, skin, trunk_shapes(d.body, which, 0));
    group.blend = d.sized(0.06f);
    d.figure.add(std::move(group));
  };
  trunk(d.bones.chest, Part::Torso, Trunk::Chest);
  if (d.look.top == Top::Bare || d.look.hem > 0.08f) {
    trunk(d.bones.spine, Part::Torso, Trunk::Waist);
    trunk(d.bones.pelvis, Part::Pelvis, Trunk::Hips);
  }
  for (int i = 0; i < 2; ++i) {
    add_arm(d, i, skin);
    d.figure.add(skin_group(d, d.bones.hand[i], part_of(Part::LeftHand, i), class_of(kLeftHand, i),
                            skin, hand_shapes(d.body, d.pose.arms[i], i)));
    add_leg(d, i, skin);
    if (d.look.footwear == Footwear::Bare) {
      d.figure.add(skin_group(d, d.bones.foot[i], part_of(Part::LeftFoot, i),
                              class_of(kLeftFoot, i), skin, foot_shapes(d.body, i)));
    }
  }
}

}  // namespace mannequin

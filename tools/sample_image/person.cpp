#include "person.hpp"

#include "shapes.hpp"

namespace sample {
namespace {

float hand(const Arm& arm, Vec3 p) {
  const Vec3 along = normalize(arm.wrist - arm.elbow);
  const Vec3 across = normalize(arm.side - along * dot(arm.side, along));
  float d = 1e9f;
  for (int finger = 0; finger < 4; ++finger) {
    const float offset = (1.5f - static_cast<float>(finger)) * 0.019f;
    const float reach = finger == 1 ? 0.082f : finger == 3 ? 0.062f : 0.076f;
    const Vec3 knuckle = arm.wrist + along * 0.088f + across * offset;
    const Vec3 tip = knuckle + along * reach + across * (offset * 0.25f);
    d = blend(d, limb(p, arm.wrist + across * (offset * 0.7f), knuckle, 0.018f, 0.012f), 0.02f);
    d = blend(d, limb(p, knuckle, tip, 0.0105f, 0.0085f), 0.006f);
  }
  const Vec3 thumb = arm.wrist + along * 0.030f + across * 0.022f;
  return blend(d, limb(p, thumb, thumb + along * 0.058f + across * 0.036f, 0.015f, 0.010f), 0.02f);
}

float bare_arm(const Arm& arm, Vec3 p) {
  const float upper = limb(p, arm.shoulder, arm.elbow, 0.050f, 0.040f);
  const Vec3 muscle = mix(arm.elbow, arm.wrist, 0.3f);
  float lower = limb(p, arm.elbow, muscle, 0.039f, 0.042f);
  lower = blend(lower, limb(p, muscle, arm.wrist, 0.042f, 0.025f), 0.02f);
  return blend(blend(upper, lower, 0.02f), hand(arm, p), 0.02f);
}

float shirt(const Person& person, Vec3 p) {
  const Arm& left = person.arms[0];
  const Arm& right = person.arms[1];
  float d = ellipsoid(p, {0, 1.285f, 0.0f}, {0.165f, 0.20f, 0.108f});
  d = blend(d, ellipsoid(p, {0, 1.06f, 0.002f}, {0.146f, 0.19f, 0.106f}), 0.08f);
  const Vec3 collar{0, 1.455f, -0.02f};
  for (const Arm* arm : {&left, &right}) {
    d = blend(d, limb(p, collar, arm->shoulder, 0.060f, 0.055f), 0.05f);
    const Vec3 hem = mix(arm->shoulder, arm->elbow, 0.62f);
    d = blend(d, limb(p, arm->shoulder, hem, 0.057f, 0.056f), 0.035f);
  }
  const float folds = std::sin(34 * p.y + 9 * p.x) * std::sin(17 * p.x + 5) * 0.0022f;
  d = std::max(d + folds, 0.905f - p.y);
  return carve(d, ellipsoid(p, {0, 1.560f, 0.060f}, {0.085f, 0.150f, 0.150f}), 0.008f);
}

float trousers(const Person& person, Vec3 p) {
  float d = ellipsoid(p, {0, 0.955f, -0.004f}, {0.150f, 0.12f, 0.106f});
  for (const Leg& leg : person.legs) {
    d = blend(d, limb(p, leg.hip, leg.knee, 0.088f, 0.063f), 0.03f);
    const Vec3 calf = mix(leg.knee, leg.ankle, 0.3f);
    const Vec3 cuff = mix(leg.knee, leg.ankle, 0.93f);
    d = blend(d, limb(p, leg.knee, calf, 0.062f, 0.060f), 0.010f);
    d = blend(d, limb(p, calf, cuff, 0.060f, 0.056f), 0.006f);
  }
  return d + std::sin(48 * p.y + 30 * p.z) * std::sin(23 * p.x) * 0.0014f;
}

float shoe(const Leg& leg, Vec3 p) {
  const Vec3 heel = leg.ankle + Vec3{0, -0.045f, -0.035f};
  float d = limb(p, heel, leg.toe, 0.043f, 0.036f);
  d = blend(d, limb(p, leg.ankle, heel, 0.044f, 0.042f), 0.03f);
  return std::max(d, leg.toe.y - 0.034f - p.y);
}

float stripes(Vec3 p) {
  const float phase = p.y * 17.0f;
  return smoothstep(0.62f, 0.68f, phase - std::floor(phase));
}

Vec3 eye_colour(Vec3 head_point) {
  const Vec3 q = head_point - eye_center(head_point.x > 0 ? 0 : 1);
  const float from_axis = std::sqrt(q.x * q.x + q.y * q.y);
  if (q.z < 0 || from_axis > 0.0068f) return {0.78f, 0.74f, 0.70f};
  return from_axis > 0.0030f ? Vec3{0.10f, 0.05f, 0.02f} : Vec3{0.005f, 0.005f, 0.005f};
}

}  // namespace

Vec3 to_body(const Person& person, Vec3 p) { return turn_y(p, -person.body_turn); }

Vec3 to_head(const Person& person, Vec3 body_point) {
  return turn_y(body_point - person.head, -person.head_turn);
}

Surface surface(const Person& person, Vec3 world) {
  const Vec3 p = to_body(person, world);
  // Far away the exact shape does not matter, and most rays are far away.
  const float bound = ellipsoid(p, {0, 1.0f, 0}, {0.75f, 1.35f, 0.65f});
  if (bound > 0.25f) return {bound, Material::None};

  Surface nearest = head_surface(to_head(person, p), person.long_hair);
  const float neck =
      limb(p, {0, 1.44f, -0.018f}, person.head + Vec3{0, -0.05f, -0.025f}, 0.054f, 0.049f);
  if (nearest.material == Material::Skin) nearest.distance = blend(nearest.distance, neck, 0.03f);
  nearest.add(blend(neck, ellipsoid(p, {0, 1.40f, 0}, {0.13f, 0.06f, 0.085f}), 0.05f),
              Material::Skin);
  for (const Arm& arm : person.arms) nearest.add(bare_arm(arm, p), Material::Skin);
  nearest.add(shirt(person, p), Material::Shirt);
  nearest.add(trousers(person, p), Material::Trousers);
  for (const Leg& leg : person.legs) nearest.add(shoe(leg, p), Material::Shoe);
  return nearest;
}

Vec3 colour(const Person& person, Material material, Vec3 world) {
  const Vec3 p = to_body(person, world);
  switch (material) {
    case Material::Skin: {
      // Cheeks and nose are a little redder.
      const Vec3 h = to_head(person, p);
      const float red =
          smoothstep(0.05f, 0.0f, length(Vec3{std::abs(h.x) - 0.035f, h.y + 0.025f, h.z - 0.075f}));
      return mix(person.skin, person.skin * Vec3{1.15f, 0.80f, 0.78f}, red);
    }
    case Material::Lips:
      return person.skin * Vec3{0.82f, 0.50f, 0.52f};
    case Material::Eye:
      return eye_colour(to_head(person, p));
    case Material::Hair:
      return person.hair;
    case Material::Shirt:
      return mix(person.shirt, person.stripe, stripes(p));
    case Material::Trousers:
      return person.trousers * (0.9f + 0.1f * std::sin(900 * (p.x + p.y)));
    case Material::Shoe:
      return p.y < 0.026f ? Vec3{0.75f, 0.74f, 0.70f} : person.shoe;
    case Material::None:
      break;
  }
  return {};
}

}  // namespace sample

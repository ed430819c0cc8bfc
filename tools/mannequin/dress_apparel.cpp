#include <utility>

#include "dress.hpp"

namespace mannequin {
namespace {

/// A strap, string or roll of cloth of one thickness.
Shape roll(Vec3 a, Vec3 b, float radius, float blend = 0.01f) {
  return {.a = a, .b = b, .ra = radius, .rb = radius, .blend = blend};
}

Shape box(Vec3 center, Vec3 half, float rounding) {
  return {.kind = Kind::Box, .a = center, .b = half, .ra = rounding};
}

/// Removes what lies behind `height` along `up`, which is 1 or -1.
Shape cut(float height, float up) {
  return {.kind = Kind::HalfSpace,
          .a = {0, height, 0},
          .b = {0, up, 0},
          .blend = 0.002f,
          .carve = true};
}

std::vector<Shape> scarf(const Dressing& d) {
  const float height = d.body.chest + d.sized(0.012f), r = d.sized(0.030f);
  std::vector<Shape> shapes;
  for (int i = 0; i < 2; ++i) {
    const Vec3 beside{d.sized(0.062f) * side_of(i), height, 0};
    const Vec3 front{0, height - d.sized(0.02f), d.sized(0.075f)};
    const Vec3 back{0, height + d.sized(0.01f), d.sized(-0.085f)};
    shapes.push_back(roll(beside, front, r, 0.02f));
    shapes.push_back(roll(beside, back, r, 0.02f));
  }
  const Vec3 knot{d.sized(0.03f), height - d.sized(0.03f), d.sized(0.085f)};
  const Vec3 end{d.sized(0.05f), height - d.sized(0.26f), d.sized(0.115f + d.look.top_ease)};
  shapes.push_back(roll(knot, end, d.sized(0.026f), 0.02f));
  return shapes;
}

std::vector<Shape> backpack(const Dressing& d) {
  const float ease = d.sized(d.look.top_ease), r = d.sized(0.017f);
  const float wide = std::sqrt(d.body.girth), deep = 0.028f * d.body.curves;
  std::vector<Shape> shapes = {
      box(d.sized(Vec3{0, 0.03f, -0.205f}), d.sized(Vec3{0.145f, 0.20f, 0.075f}), d.sized(0.05f))};
  for (int i = 0; i < 2; ++i) {
    const float side = side_of(i);
    const Vec3 top = d.sized(Vec3{0.095f * side, 0.235f, -0.03f}) + Vec3{0, ease, 0};
    const Vec3 front = d.sized(Vec3{0.105f * side, 0.12f, 0.116f * wide + deep}) + Vec3{0, 0, ease};
    const Vec3 low =
        d.sized(Vec3{0.140f * side * wide, -0.06f, 0.068f * wide}) + Vec3{ease * side, 0, ease};
    shapes.push_back(roll(top, front, r));
    shapes.push_back(roll(front, low, r));
    shapes.push_back(roll(low, d.sized(Vec3{0.12f * side, -0.08f, -0.17f}), r));
  }
  return shapes;
}

/// A slice of the hips, a little wider than the trousers.
std::vector<Shape> belt(const Dressing& d) {
  const float waist = d.sized(0.092f), half = d.sized(0.02f);
  std::vector<Shape> shapes =
      trunk_shapes(d.body, Trunk::Hips, d.sized(d.look.bottom_ease) + 0.006f);
  shapes.push_back(cut(waist - half, 1));
  shapes.push_back(cut(waist + half, -1));
  return shapes;
}

std::vector<Shape> bracelet(const Dressing& d) {
  const float sleeve = d.look.sleeve > 1.8f ? d.sized(d.look.top_ease) : 0.0f;
  return {roll({0, d.sized(0.028f), 0}, {0, d.sized(0.012f), 0}, d.body.thick(0.031f) + sleeve)};
}

/// A bag that hangs from the hand by two strings.
std::vector<Shape> bag(const Dressing& d) {
  const float drop = d.body.hand * 0.55f;
  std::vector<Shape> shapes = {
      box({0, -drop - d.sized(0.24f), 0}, d.sized(Vec3{0.045f, 0.12f, 0.15f}), d.sized(0.03f))};
  for (const float side : {-0.07f, 0.07f}) {
    shapes.push_back(
        roll({0, -drop, 0}, {0, -drop - d.sized(0.13f), d.sized(side)}, d.sized(0.007f), 0.004f));
  }
  return shapes;
}

}  // namespace

void add_apparel(const Dressing& d) {
  const std::uint16_t material = d.figure.add(d.look.extras);
  const auto add = [&](const Frame& frame, Part part, std::vector<Shape> shapes) {
    d.figure.add({.frame = frame,
                  .layer = Layer::Apparel,
                  .part = part,
                  .label = kApparel,
                  .material = material,
                  .shapes = std::move(shapes)});
  };
  if (d.look.scarf) add(d.bones.chest, Part::Torso, scarf(d));
  if (d.look.backpack) add(d.bones.chest, Part::Torso, backpack(d));
  if (d.look.belt) add(d.bones.pelvis, Part::Pelvis, belt(d));
  for (int i = 0; i < 2; ++i) {
    if (d.look.bracelet[i]) {
      add(d.bones.hand[i], part_of(Part::LeftForearm, i), bracelet(d));
    }
  }
  if (d.look.bag) add(d.bones.hand[1], Part::RightHand, bag(d));
}

}  // namespace mannequin

#include "dress.hpp"

namespace mannequin {
namespace {

Shape cloth_limb(Vec3 a, Vec3 b, float ra, float rb, float blend = 0.02f) {
  return {.a = a, .b = b, .ra = ra, .rb = rb, .blend = blend};
}
Shape hem_limb(Vec3 a, Vec3 b, float ra, float rb, float blend = 0.02f) {
  return {.kind = Kind::CutLimb, .a = a, .b = b, .ra = ra, .rb = rb, .blend = blend};
}
Shape cut_below(float height) {
  return {
      .kind = Kind::HalfSpace, .a = {0, height, 0}, .b = {0, 1, 0}, .blend = 0.006f, .carve = true};
}
Shape cut_above(float height) {
  return {.kind = Kind::HalfSpace,
          .a = {0, height, 0},
          .b = {0, -1, 0},
          .blend = 0.006f,
          .carve = true};
}

struct Cloth {
  const Dressing& d;
  Layer layer;
  std::uint8_t label;
  std::uint16_t material;
  float ease, blend, folds;

  void add(const Frame& frame, Part part, std::vector<Shape> shapes) const {
    d.figure.add({.frame = frame,
                  .layer = layer,
                  .part = part,
                  .label = label,
                  .material = material,
                  .blend = blend,
                  .folds = folds,
                  .shapes = std::move(shapes)});
  }
};

void add_sleeve(const Cloth& cloth, int i) {
  const Dressing& d = cloth.d;
  const Body& body = d.body;
  const float ease = cloth.ease, sleeve = d.look.sleeve;
  const float upper = std::min(sleeve, 1.0f) * body.upper_arm;
  const float top = body.thick(0.056f) + ease, at_elbow = body.thick(0.042f) + ease;
  const float at_end = mix(top, at_elbow, upper / body.upper_arm) + (sleeve < 1 ? 0.006f : 0);
  const Vec3 end{0, -upper, 0};
  cloth.add(d.bones.upper_arm[i], part_of(Part::LeftUpperArm, i),
            {sleeve < 1 ? hem_limb({}, end, top, at_end) : cloth_limb({}, end, top, at_end)});
  if (sleeve <= 1) return;
  const float lower = (sleeve - 1) * body.forearm;
  const float at_hem = mix(at_elbow, body.thick(0.030f) + ease * 0.8f, sleeve - 1);
  cloth.add(d.bones.forearm[i], part_of(Part::LeftForearm, i),
            {hem_limb({}, {0, -lower, 0}, at_elbow, at_hem)});
}

/// One leg of trousers, or one side of a skirt, whose sides blend into one wide tube.
void add_leg(const Cloth& cloth, int i) {
  const Dressing& d = cloth.d;
  const Body& body = d.body;
  const float ease = cloth.ease, hips = 1 + 0.10f * body.curves;
  const bool skirt = d.look.bottom == Bottom::Skirt;
  const float upper = std::min(d.look.leg, 1.0f), lower = d.look.leg - 1;
  const float top = body.thick(0.090f) * hips + ease;
  const float slim = mix(top, body.thick(0.058f) + ease, upper);
  const float at_end = skirt ? top + d.look.flare * upper : slim + (lower < 0 ? 0.012f : 0.0f);
  const Vec3 end{0, -upper * body.thigh, 0};
  cloth.add(d.bones.thigh[i], part_of(Part::LeftThigh, i),
            {lower <= 0 ? hem_limb({}, end, top, at_end) : cloth_limb({}, end, top, at_end)});
  if (lower <= 0) return;
  const float at_hem =
      skirt ? at_end + 0.01f : mix(slim, body.thick(0.042f) + ease + d.look.flare, lower);
  const Vec3 calf{0, -0.3f * body.shin, -0.012f * body.scale};
  std::vector<Shape> shapes = {hem_limb({}, {0, -lower * body.shin, 0}, at_end, at_hem)};
  if (lower > 0.5f) shapes.push_back(cloth_limb({}, calf, slim, body.thick(0.056f) + ease));
  cloth.add(d.bones.shin[i], part_of(Part::LeftShin, i), std::move(shapes));
}

}  // namespace

void add_lower_clothes(const Dressing& d) {
  const bool skirt = d.look.bottom == Bottom::Skirt;
  const Cloth cloth{.d = d,
                    .layer = Layer::Lower,
                    .label = kLowerClothing,
                    .material = d.figure.add(d.look.bottom_cloth),
                    .ease = d.sized(d.look.bottom_ease),
                    .blend = d.sized(skirt ? 0.10f : 0.035f),
                    .folds = 0.0012f + 0.08f * d.look.bottom_ease};
  std::vector<Shape> hips = trunk_shapes(d.body, Trunk::Hips, cloth.ease);
  hips.push_back(cut_above(d.sized(0.115f)));
  cloth.add(d.bones.pelvis, Part::Pelvis, std::move(hips));
  for (int i = 0; i < 2; ++i) add_leg(cloth, i);
}

void add_upper_clothes(const Dressing& d) {
  const Look& look = d.look;
  if (look.top == Top::Bare) return;
  const Cloth cloth{.d = d,
                    .layer = Layer::Upper,
                    .label = kUpperClothing,
                    .material = d.figure.add(look.top_cloth),
                    .ease = d.sized(look.top_ease),
                    .blend = d.sized(0.05f),
                    .folds = 0.001f + 0.10f * look.top_ease};
  std::vector<Shape> chest = trunk_shapes(d.body, Trunk::Chest, cloth.ease);
  if (look.hood) {
    chest.push_back({.kind = Kind::Ellipsoid,
                     .a = {0, d.body.chest - d.sized(0.01f), d.sized(-0.085f)},
                     .b = d.sized(Vec3{0.10f, 0.06f, 0.06f}),
                     .blend = d.sized(0.04f)});
  }
  const float opening = d.sized(look.neckline);
  chest.push_back({.kind = Kind::Ellipsoid,
                   .a = {0, d.body.chest + d.sized(0.055f), d.sized(0.026f)},
                   .b = {opening, opening * 1.25f, opening * 1.3f},
                   .blend = 0.006f,
                   .carve = true});
  cloth.add(d.bones.chest, Part::Torso, std::move(chest));

  std::vector<Shape> waist = trunk_shapes(d.body, Trunk::Waist, cloth.ease);
  const bool crop = look.hem > 0.10f;
  waist.push_back(cut_below(d.sized(std::max(look.hem, -0.04f)) - d.body.pelvis));
  cloth.add(d.bones.spine, Part::Torso, std::move(waist));
  if (!crop) {
    std::vector<Shape> hips = trunk_shapes(d.body, Trunk::Hips, cloth.ease);
    hips.push_back(cut_below(d.sized(std::max(look.hem, -0.10f))));
    cloth.add(d.bones.pelvis, Part::Pelvis, std::move(hips));
  }
  for (int i = 0; i < 2; ++i) {
    if (look.top == Top::Shirt || look.top == Top::Coat) add_sleeve(cloth, i);
    if (look.hem < -0.10f) {  // a coat's skirts
      const float r = d.body.thick(0.095f) * (1 + 0.10f * d.body.curves) + cloth.ease;
      cloth.add(d.bones.thigh[i], part_of(Part::LeftThigh, i),
                {hem_limb({}, {0, d.sized(look.hem), 0}, r, r * 1.04f, 0.06f)});
    }
  }
}

void add_footwear(const Dressing& d) {
  const Look& look = d.look;
  const Body& body = d.body;
  const float r = body.scale, sole = -body.ankle_height, length = body.foot;
  const std::uint16_t sock = d.figure.add(look.sock_cloth), shoe = d.figure.add(look.shoe);
  const std::uint16_t rubber = d.figure.add(look.sole);
  const auto group = [&](const Frame& frame, Part part, std::uint8_t label, std::uint16_t material,
                         std::vector<Shape> shapes) {
    d.figure.add({.frame = frame,
                  .layer = Layer::Feet,
                  .part = part,
                  .label = label,
                  .material = material,
                  .blend = 0.003f,
                  .shapes = std::move(shapes)});
  };
  const auto foot = [&](int i, float grow) {
    const float out = side_of(i) * 0.010f * r;
    return std::vector<Shape>{
        cloth_limb({0, 0, 0}, {0, sole + 0.036f * r, -0.15f * length}, 0.038f * r + grow,
                   0.037f * r + grow),
        cloth_limb({0, -0.01f * r, 0.02f}, {0, sole + 0.030f * r, 0.44f * length},
                   0.038f * r + grow, 0.029f * r + grow, 0.03f),
        cloth_limb({0, sole + 0.036f * r, -0.1f * length}, {out, sole + 0.026f * r, 0.60f * length},
                   0.035f * r + grow, 0.033f * r + grow, 0.03f),
        cut_below(sole)};
  };
  for (int i = 0; i < 2; ++i) {
    const Part shin = part_of(Part::LeftShin, i), part = part_of(Part::LeftFoot, i);
    if (look.sock > 0) {
      const Vec3 top{0, -body.shin * (1 - look.sock), -0.012f * r * look.sock};
      const float at_top = mix(body.thick(0.038f), body.thick(0.058f), look.sock);
      group(d.bones.shin[i], shin, class_of(kLeftSock, i), sock,
            {hem_limb({0, -body.shin, 0}, top, body.thick(0.036f) + 0.004f, at_top + 0.004f)});
    }
    if (look.footwear == Footwear::Socks) {
      group(d.bones.foot[i], part, class_of(kLeftSock, i), sock, foot(i, 0.002f));
    }
    if (look.footwear != Footwear::Shoes && look.footwear != Footwear::Boots) continue;
    if (look.footwear == Footwear::Boots) {
      const float high = body.thick(0.050f) + 0.012f;
      group(d.bones.shin[i], shin, class_of(kLeftShoe, i), shoe,
            {hem_limb({0, -body.shin, 0}, {0, -0.55f * body.shin, -0.008f}, 0.042f * r, high)});
    }
    group(d.bones.foot[i], part, class_of(kLeftShoe, i), shoe, foot(i, 0.007f));
    group(d.bones.foot[i], part, class_of(kLeftShoe, i), rubber,
          {{.kind = Kind::Box,
            .a = {0, sole + 0.010f * r, 0.24f * length},
            .b = {0.042f * r, 0.013f * r, 0.52f * length},
            .ra = 0.010f * r}});
  }
}

}  // namespace mannequin

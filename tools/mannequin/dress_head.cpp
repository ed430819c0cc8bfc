#include "dress.hpp"

namespace mannequin {
namespace {

/// The head sizes of adults differ little, so they follow the height only in part.
float head_scale(const Body& body) { return body.head * std::sqrt(body.scale); }

Vec3 mirrored(Vec3 p, int index) { return {index == 0 ? p.x : -p.x, p.y, p.z}; }

Shape ellipsoid(Vec3 center, Vec3 radii, float blend) {
  return {.kind = Kind::Ellipsoid, .a = center, .b = radii, .blend = blend};
}
Shape head_limb(Vec3 a, Vec3 b, float ra, float rb, float blend) {
  return {.a = a, .b = b, .ra = ra, .rb = rb, .blend = blend};
}
Shape carved(Shape shape) {
  shape.carve = true;
  return shape;
}

/// A group in the head's frame, made of shapes for a head of standard size.
Group on_head(const Dressing& d, Layer layer, std::uint8_t label, const Material& material,
              std::vector<Shape> shapes) {
  const float scale = head_scale(d.body);
  for (Shape& shape : shapes) {
    shape.a = shape.a * scale;
    if (shape.kind != Kind::HalfSpace) shape.b = shape.b * scale;
    shape.ra *= scale;
    shape.rb *= scale;
  }
  return {.frame = d.bones.head,
          .layer = layer,
          // Headwear hides eyes and ears.
          .part = layer == Layer::Hair || layer == Layer::Apparel ? Part::Hair : Part::Head,
          .label = label,
          .material = d.figure.add(material),
          .blend = 0.006f,
          .shapes = std::move(shapes)};
}

constexpr Vec3 kNoseTip{0, -0.026f, 0.115f};
constexpr Vec3 kEye{0.0315f, 0.0125f, 0.0725f};
constexpr Vec3 kEar{0.080f, -0.006f, -0.014f};

std::vector<Shape> skull() {
  std::vector<Shape> shapes = {
      ellipsoid({0, 0.022f, -0.012f}, {0.074f, 0.104f, 0.096f}, 0.01f),
      ellipsoid({0, -0.050f, 0.020f}, {0.054f, 0.070f, 0.066f}, 0.045f),
      head_limb({0, 0.018f, 0.086f}, {0, -0.024f, 0.102f}, 0.008f, 0.013f, 0.016f),
      ellipsoid({0, -0.104f, 0.056f}, {0.022f, 0.016f, 0.018f}, 0.03f),  // chin
  };
  for (int i = 0; i < 2; ++i) {
    shapes.push_back(
        ellipsoid(mirrored({0.036f, -0.022f, 0.056f}, i), {0.026f, 0.024f, 0.022f}, 0.03f));
    shapes.push_back(
        carved(ellipsoid(mirrored({0.032f, 0.013f, 0.093f}, i), {0.020f, 0.011f, 0.016f}, 0.016f)));
    shapes.push_back(ellipsoid(mirrored(kEar, i), {0.010f, 0.031f, 0.019f}, 0.010f));
  }
  return shapes;
}

std::vector<Shape> hair(HairStyle style) {
  const Shape cap = ellipsoid({0, 0.034f, -0.022f}, {0.086f, 0.112f, 0.106f}, 0.01f);
  const Shape face = carved(ellipsoid({0, -0.075f, 0.060f}, {0.12f, 0.138f, 0.112f}, 0.012f));
  const Shape nape =
      carved({.kind = Kind::HalfSpace, .a = {0, -0.075f, 0}, .b = {0, 1, 0}, .blend = 0.02f});
  switch (style) {
    case HairStyle::Bald:
      return {};
    case HairStyle::Cropped:
      return {ellipsoid({0, 0.028f, -0.018f}, {0.079f, 0.107f, 0.100f}, 0.01f), face, nape};
    case HairStyle::Short:
      return {cap, face, nape};
    case HairStyle::Long:
      return {cap, ellipsoid({0, -0.085f, -0.055f}, {0.098f, 0.17f, 0.062f}, 0.06f),
              carved(ellipsoid({0, -0.055f, 0.085f}, {0.066f, 0.142f, 0.115f}, 0.015f))};
    case HairStyle::Bun:
      return {cap, face, nape, ellipsoid({0, 0.085f, -0.115f}, {0.045f, 0.042f, 0.042f}, 0.01f)};
    case HairStyle::Ponytail:
      return {cap, face, nape,
              head_limb({0, 0.055f, -0.120f}, {0, -0.010f, -0.165f}, 0.026f, 0.034f, 0.02f),
              head_limb({0, -0.010f, -0.165f}, {0, -0.165f, -0.150f}, 0.034f, 0.014f, 0.02f)};
    case HairStyle::Curly:
      return {ellipsoid({0, 0.052f, -0.030f}, {0.125f, 0.135f, 0.135f}, 0.01f),
              carved(ellipsoid({0, -0.085f, 0.080f}, {0.13f, 0.155f, 0.135f}, 0.02f))};
  }
  return {};
}

std::vector<Shape> headwear(Headwear which) {
  const Shape below = carved(
      {.kind = Kind::HalfSpace, .a = {0, 0.048f, 0}, .b = {0, 0.985f, -0.17f}, .blend = 0.006f});
  switch (which) {
    case Headwear::None:
      return {};
    case Headwear::Cap:
      return {ellipsoid({0, 0.040f, -0.020f}, {0.094f, 0.112f, 0.114f}, 0.01f), below,
              ellipsoid({0, 0.062f, 0.105f}, {0.070f, 0.007f, 0.072f}, 0.010f)};
    case Headwear::Beanie:
      return {ellipsoid({0, 0.048f, -0.024f}, {0.096f, 0.122f, 0.116f}, 0.01f), below};
    case Headwear::Brim:
      return {ellipsoid({0, 0.062f, -0.018f}, {0.094f, 0.105f, 0.114f}, 0.01f), below,
              ellipsoid({0, 0.058f, -0.010f}, {0.185f, 0.010f, 0.195f}, 0.012f)};
  }
  return {};
}

}  // namespace

FacePoints face_points(const Body& body) {
  const float scale = head_scale(body);
  // The eye's position is the front of the ball.
  const Vec3 eye = (kEye + Vec3{0, 0, 0.010f}) * scale, ear = kEar * scale;
  return {kNoseTip * scale, {eye, mirrored(eye, 1)}, {ear, mirrored(ear, 1)}};
}

void add_skin_of_head(const Dressing& d) {
  d.figure.add(on_head(d, Layer::Skin, kFaceNeck, d.look.face, skull()));
  const Vec3 top =
      d.bones.chest.to_local(d.bones.head.to_world(Vec3{0, -0.055f, -0.028f} * head_scale(d.body)));
  const Vec3 bottom{0, d.body.chest - d.sized(0.04f), -d.sized(0.018f)};
  const float radius = d.body.thick(0.054f - 0.006f * d.body.curves);
  d.figure.add({.frame = d.bones.chest,
                .part = Part::Neck,
                .label = kFaceNeck,
                .material = d.figure.add(d.look.skin),
                .blend = 0.03f,
                .shapes = {head_limb(bottom, top, radius, radius * 0.94f, 0.01f)}});
}

void add_hair(const Dressing& d) {
  std::vector<Shape> shapes = hair(d.look.hair_style);
  if (shapes.empty()) return;
  Group group = on_head(d, Layer::Hair, kHair, d.look.hair, std::move(shapes));
  group.folds = d.look.hair_style == HairStyle::Curly ? 0.006f : 0.003f;
  d.figure.add(std::move(group));
}

void add_features(const Dressing& d) {
  std::vector<Shape> eyes, brows, upper, lower;
  for (int i = 0; i < 2; ++i) {
    eyes.push_back(ellipsoid(mirrored(kEye, i), {0.0155f, 0.0080f, 0.0105f}, 0.001f));
    brows.push_back(head_limb(mirrored({0.015f, 0.036f, 0.0845f}, i),
                              mirrored({0.049f, 0.037f, 0.0655f}, i), 0.0045f, 0.0030f, 0.001f));
    const Vec3 corner = mirrored({0.024f, -0.0645f + d.look.smile, 0.0775f}, i);
    upper.push_back(head_limb({0, -0.0600f, 0.0890f}, corner, 0.0066f, 0.0032f, 0.002f));
    lower.push_back(
        head_limb({0, -0.0705f, 0.0880f}, corner + Vec3{0, -0.0015f, 0}, 0.0076f, 0.0028f, 0.002f));
  }
  d.figure.add(on_head(d, Layer::Features, kFaceNeck, d.look.eye, std::move(eyes)));
  d.figure.add(on_head(d, Layer::Features, kFaceNeck, d.look.brows, std::move(brows)));
  d.figure.add(on_head(d, Layer::Features, kUpperLip, d.look.lips, std::move(upper)));
  d.figure.add(on_head(d, Layer::Features, kLowerLip, d.look.lips, std::move(lower)));
}

void add_headwear(const Dressing& d) {
  if (d.look.headwear == Headwear::None) return;
  d.figure.add(
      on_head(d, Layer::Apparel, kApparel, d.look.headwear_cloth, headwear(d.look.headwear)));
}

}  // namespace mannequin

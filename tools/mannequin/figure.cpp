#include "figure.hpp"

#include <utility>

namespace mannequin {
namespace {

/// The union of two shapes with a fillet of about `k`.
float melt(float a, float b, float k) {
  const float h = k - std::abs(a - b);
  return h <= 0 ? std::min(a, b) : std::min(a, b) - h * h * 0.25f / k;
}

float limb(const Shape& shape, Vec3 p) {
  const Vec3 ap = p - shape.a;
  const float t = clamp01(dot(ap, shape.along) * shape.inverse);
  return length(ap - shape.along * t) - mix(shape.ra, shape.rb, t);
}

float cut_limb(const Shape& shape, Vec3 p) {
  const Vec3 ap = p - shape.a;
  const float t = std::max(dot(ap, shape.along) * shape.inverse, 0.0f);
  const float d = length(ap - shape.along * t) - mix(shape.ra, shape.rb, std::min(t, 1.0f));
  return std::max(d, (t - 1) / std::sqrt(shape.inverse));
}

float ellipsoid(const Shape& shape, Vec3 p) {
  const Vec3 q = p - shape.a;
  const float to_center = length(q * shape.along);
  const float gradient = length(q * shape.squared);
  if (gradient < 1e-6f) return -std::min({shape.b.x, shape.b.y, shape.b.z});
  return to_center * (to_center - 1) / gradient;
}

float box(Vec3 p, Vec3 half, float rounding) {
  const Vec3 q =
      Vec3{std::abs(p.x), std::abs(p.y), std::abs(p.z)} - half + Vec3{rounding, rounding, rounding};
  const Vec3 outside{std::max(q.x, 0.0f), std::max(q.y, 0.0f), std::max(q.z, 0.0f)};
  return length(outside) + std::min(std::max({q.x, q.y, q.z}), 0.0f) - rounding;
}

/// The square of the distance to a box around the origin; 0 inside.
float outside_of(Vec3 half, Vec3 p) {
  const float x = std::max(std::abs(p.x) - half.x, 0.0f);
  const float y = std::max(std::abs(p.y) - half.y, 0.0f);
  const float z = std::max(std::abs(p.z) - half.z, 0.0f);
  return x * x + y * y + z * z;
}

void prepare(Shape& shape) {
  if (shape.kind == Kind::Ellipsoid) {
    shape.along = Vec3{1, 1, 1} / shape.b;
    shape.squared = shape.along * shape.along;
  } else {
    shape.along = shape.b - shape.a;
    shape.inverse = 1 / std::max(dot(shape.along, shape.along), 1e-9f);
  }
}

/// Corners of a box around a shape.
std::pair<Vec3, Vec3> extent(const Shape& shape) {
  if (shape.kind == Kind::Ellipsoid || shape.kind == Kind::Box) {
    return {shape.a - shape.b, shape.a + shape.b};
  }
  const Vec3 a{shape.ra, shape.ra, shape.ra}, b{shape.rb, shape.rb, shape.rb};
  const Vec3 la = shape.a - a, lb = shape.b - b, ha = shape.a + a, hb = shape.b + b;
  return {{std::min(la.x, lb.x), std::min(la.y, lb.y), std::min(la.z, lb.z)},
          {std::max(ha.x, hb.x), std::max(ha.y, hb.y), std::max(ha.z, hb.z)}};
}

}  // namespace

float Shape::distance(Vec3 p) const {
  switch (kind) {
    case Kind::Limb:
      return limb(*this, p);
    case Kind::CutLimb:
      return cut_limb(*this, p);
    case Kind::Ellipsoid:
      return ellipsoid(*this, p);
    case Kind::Box:
      return box(p - a, b, ra);
    case Kind::HalfSpace:
      return dot(p - a, b);
  }
  return 0;
}

float Group::distance(Vec3 local) const {
  float d = 1e3f;
  for (const Shape& shape : shapes) {
    const float other = shape.distance(local);
    d = shape.carve ? -melt(-d, other, shape.blend) : melt(d, other, shape.blend);
  }
  if (folds > 0 && d < 0.04f) {
    const float across = std::sin(31 * local.y + 13 * local.x + 4 * std::sin(9 * local.z));
    d += folds * across * std::sin(19 * local.x + 23 * local.z + 2 * std::sin(11 * local.y));
  }
  return d;
}

void Figure::add(Group group) {
  Vec3 low{1e3f, 1e3f, 1e3f}, high = low * -1.0f;
  for (Shape& shape : group.shapes) {
    prepare(shape);
    if (shape.carve) continue;
    const auto [from, to] = extent(shape);
    low = {std::min(low.x, from.x), std::min(low.y, from.y), std::min(low.z, from.z)};
    high = {std::max(high.x, to.x), std::max(high.y, to.y), std::max(high.z, to.z)};
  }
  group.box_center = (low + high) * 0.5f;
  group.center = group.frame.to_world(group.box_center);
  // A fillet adds at most a quarter of its width.
  const float more = group.blend * 0.25f + group.folds + 0.005f;
  group.box_half = (high - low) * 0.5f + Vec3{more, more, more};
  group.radius = length(group.box_half);
  groups_.push_back(std::move(group));
}

std::uint16_t Figure::add(const Material& material) {
  materials_.push_back(material);
  return static_cast<std::uint16_t>(materials_.size() - 1);
}

Nearest Figure::nearest(Vec3 p, std::span<const std::uint16_t> active) const {
  // Farther than this from the box around a group the box stands for it: a step to the box is safe.
  constexpr float kNear = 0.03f;
  Nearest best;
  float layer_distance = 1e3f, least = 1e3f;
  int layer_group = -1;
  Layer layer = Layer::Skin;
  const auto close_layer = [&] {
    if (layer_distance < best.distance) best = {layer_distance, layer_group};
    layer_distance = least = 1e3f;
    layer_group = -1;
  };
  for (const std::uint16_t index : active) {
    const Group& group = groups_[index];
    if (group.layer != layer) {
      close_layer();
      layer = group.layer;
    }
    // Too far to melt into its layer, or to bring the layer before the others?
    const float limit =
        std::max(std::min(layer_distance, best.distance), 0.0f) + group.blend;
    const Vec3 from_center = p - group.center;
    const float reach = group.radius + limit;
    if (dot(from_center, from_center) > reach * reach) continue;
    const Vec3 in_box = group.frame.turn.inverse(from_center);
    const float outside = outside_of(group.box_half, in_box);
    if (outside > limit * limit) continue;
    const float d = outside > kNear * kNear ? std::sqrt(outside)
                                            : group.distance(in_box + group.box_center);
    if (d < least) {
      least = d;
      layer_group = index;
    }
    layer_distance = melt(layer_distance, d, group.blend);
  }
  close_layer();
  return best;
}

GroupList Figure::close_to(Vec3 p, float reach, std::span<const std::uint16_t> active) const {
  GroupList close;
  for (const std::uint16_t index : active) {
    const Group& group = groups_[index];
    const float margin = reach + group.blend;
    const Vec3 to_center = p - group.center;
    const float far = group.radius + margin;
    if (dot(to_center, to_center) > far * far) continue;
    const Vec3 q = group.frame.turn.inverse(to_center);
    const Vec3 half = group.box_half + Vec3{margin, margin, margin};
    if (std::abs(q.x) < half.x && std::abs(q.y) < half.y && std::abs(q.z) < half.z) {
      close.add(index);
    }
  }
  return close;
}

Vec3 Figure::normal(Vec3 p, std::span<const std::uint16_t> active) const {
  // Four corners of a tetrahedron see the gradient without bias.
  constexpr float kStep = 1e-3f;
  constexpr Vec3 kCorners[] = {{1, -1, -1}, {-1, -1, 1}, {-1, 1, -1}, {1, 1, 1}};
  Vec3 sum;
  for (const Vec3 corner : kCorners) {
    sum = sum + corner * nearest(p + corner * kStep, active).distance;
  }
  return normalize(sum);
}

}  // namespace mannequin

#include "figure.hpp"

#include <utility>

namespace mannequin {
namespace {

/// The union of two shapes with a fillet of about `k`.
Float4 melt(Float4 a, Float4 b, float k) {
  const Float4 h = max(k - magnitude(a - b), four(0.0f));
  return min(a, b) - h * h * (0.25f / k);
}

Float4 limb(const Shape& shape, const Vec3x4& p) {
  const Vec3x4 ap = p - shape.a;
  const Float4 t = min(max(dot(ap, shape.along) * shape.inverse, four(0.0f)), four(1.0f));
  const Vec3x4 off{ap.x - t * shape.along.x, ap.y - t * shape.along.y, ap.z - t * shape.along.z};
  return root(dot(off, off)) - (shape.ra + t * (shape.rb - shape.ra));
}

Float4 cut_limb(const Shape& shape, const Vec3x4& p) {
  const Vec3x4 ap = p - shape.a;
  const Float4 t = max(dot(ap, shape.along) * shape.inverse, four(0.0f));
  const Vec3x4 off{ap.x - t * shape.along.x, ap.y - t * shape.along.y, ap.z - t * shape.along.z};
  const Float4 radius = shape.ra + min(t, four(1.0f)) * (shape.rb - shape.ra);
  return max(root(dot(off, off)) - radius, (t - 1.0f) * (1 / std::sqrt(shape.inverse)));
}

Float4 ellipsoid(const Shape& shape, const Vec3x4& p) {
  const Vec3x4 q = p - shape.a, scaled = q * shape.along, steep = q * shape.squared;
  const Float4 to_center = root(dot(scaled, scaled));
  // At the centre, where the gradient vanishes, any negative number will do.
  const Float4 gradient = max(root(dot(steep, steep)), four(1e-3f));
  return to_center * (to_center - 1.0f) / gradient;
}

Float4 box(Vec3x4 p, Vec3 half, float rounding) {
  const Vec3x4 q{magnitude(p.x) - (half.x - rounding), magnitude(p.y) - (half.y - rounding),
                 magnitude(p.z) - (half.z - rounding)};
  const Float4 zero = four(0.0f);
  const Vec3x4 outside{max(q.x, zero), max(q.y, zero), max(q.z, zero)};
  return root(dot(outside, outside)) + min(max(max(q.x, q.y), q.z), zero) - rounding;
}

/// Squared distances to a box around the origin; 0 inside.
Float4 outside_of(Vec3 half, const Vec3x4& p) {
  const Float4 zero = four(0.0f);
  const Vec3x4 out{max(magnitude(p.x) - half.x, zero), max(magnitude(p.y) - half.y, zero),
                   max(magnitude(p.z) - half.z, zero)};
  return dot(out, out);
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

/// The corners of a bounding box of a shape.
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

Float4 Shape::distance(const Vec3x4& p) const {
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
  return four(0.0f);
}

Float4 Group::distance(const Vec3x4& local) const {
  Float4 d = four(1e3f);
  for (const Shape& shape : shapes) {
    const Float4 other = shape.distance(local);
    d = shape.carve ? -melt(-d, other, shape.blend) : melt(d, other, shape.blend);
  }
  if (folds > 0 && any(d < 0.04f)) {
    const Float4 across = wave(31 * local.y + 13 * local.x + 4 * wave(9 * local.z));
    d += folds * across * wave(19 * local.x + 23 * local.z + 2 * wave(11 * local.y));
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

Nearest Figure::nearest(const Vec3x4& p, std::span<const std::uint16_t> active) const {
  Nearest best, in_layer;
  Float4 least_in_layer = four(1e3f);
  Layer layer = Layer::Skin;
  const auto close_layer = [&] {
    const Int4 nearer = in_layer.distance < best.distance;
    best.distance = nearer ? in_layer.distance : best.distance;
    best.group = nearer ? in_layer.group : best.group;
    in_layer = {};
    least_in_layer = four(1e3f);
  };
  for (const std::uint16_t index : active) {
    const Group& group = groups_[index];
    if (group.layer != layer) {
      close_layer();
      layer = group.layer;
    }
    // Skips groups that are too far to blend with their layer or to be the nearest.
    const Float4 limit = max(min(in_layer.distance, best.distance), four(0.0f)) + group.blend;
    const Vec3x4 from_center = p - group.center;
    const Float4 reach = limit + group.radius;
    if (!any(dot(from_center, from_center) < reach * reach)) continue;
    const Vec3x4 in_box = inverse(group.frame.turn, from_center);
    const Float4 outside = outside_of(group.box_half, in_box);
    if (!any(outside < limit * limit)) continue;
    // Where the group cannot blend with anything, the distance to its box is a safe step.
    const float melting = group.blend + 0.01f;
    const Float4 d = any(outside < melting * melting) ? group.distance(in_box + group.box_center)
                                                      : root(outside);
    const Int4 nearer = d < least_in_layer;
    least_in_layer = nearer ? d : least_in_layer;
    in_layer.group = nearer ? four(std::int32_t{index}) : in_layer.group;
    in_layer.distance = melt(in_layer.distance, d, group.blend);
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
  // Samples at the four corners of a tetrahedron estimate the gradient without bias.
  constexpr float kStep = 1e-3f;
  constexpr Vec3 kCorners[] = {{1, -1, -1}, {-1, -1, 1}, {-1, 1, -1}, {1, 1, 1}};
  Vec3x4 points;
  for (int i = 0; i < 4; ++i) points.set(i, p + kCorners[i] * kStep);
  const Float4 distance = nearest(points, active).distance;
  Vec3 sum;
  for (int i = 0; i < 4; ++i) sum = sum + kCorners[i] * distance[i];
  return normalize(sum);
}

}  // namespace mannequin

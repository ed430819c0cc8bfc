#include "cast.hpp"

namespace mannequin {
namespace {

/// Beyond a group's sphere it still counts for fillets and for what is dark near it.
constexpr float kMargin = 0.05f;

/// Where a ray is in a group's box, widened by what may melt into it; nothing if `to` < `from`.
struct Passage {
  float from, to;
};

Passage passage(const Group& group, const Ray& ray) {
  const Vec3 o = group.frame.turn.inverse(ray.origin - group.center);
  const Vec3 d = group.frame.turn.inverse(ray.direction);
  const Vec3 half = group.box_half + Vec3{1, 1, 1} * group.blend;
  const Vec3 inverse{1 / d.x, 1 / d.y, 1 / d.z};
  const Vec3 reach{half.x * std::abs(inverse.x), half.y * std::abs(inverse.y),
                   half.z * std::abs(inverse.z)};
  const Vec3 middle = o * inverse * -1.0f;
  const Vec3 in = middle - reach, out = middle + reach;
  return {std::max({in.x, in.y, in.z}), std::min({out.x, out.y, out.z})};
}

}  // namespace

Tiles::Tiles(const Figure& figure, int width, int height,
             const std::function<Bounds(Vec3, float)>& project)
    : columns_((width + kSize - 1) / kSize) {
  const int rows = (height + kSize - 1) / kSize;
  lists_.resize(static_cast<std::size_t>(columns_ * rows));
  const auto tile = [](float pixel, int count) {
    return static_cast<int>(std::clamp(pixel / kSize, -1.0f, real(count)));
  };
  for (std::size_t i = 0; i < figure.groups().size(); ++i) {
    const Group& group = figure.groups()[i];
    const Bounds bounds = project(group.center, group.radius + kMargin);
    if (bounds.right < 0 || bounds.bottom < 0) continue;
    const int right = std::min(tile(bounds.right, columns_), columns_ - 1);
    const int bottom = std::min(tile(bounds.bottom, rows), rows - 1);
    for (int y = std::max(tile(bounds.top, rows), 0); y <= bottom; ++y) {
      for (int x = std::max(tile(bounds.left, columns_), 0); x <= right; ++x) {
        lists_[static_cast<std::size_t>(y * columns_ + x)].push_back(static_cast<std::uint16_t>(i));
      }
    }
  }
}

Hit cast(const Figure& figure, std::span<const std::uint16_t> active, const Ray& ray, float touch) {
  // Only groups that the ray passes can be hit, or melt into what is hit.
  GroupList near;
  float t = 1e9f, end = 0;
  for (const std::uint16_t index : active) {
    const Passage inside = passage(figure.groups()[index], ray);
    if (inside.to < inside.from) continue;
    near.add(index);
    t = std::min(t, inside.from);
    end = std::max(end, inside.to);
  }
  constexpr int kSteps = 72;
  t = std::max(t, 0.05f);
  float before = 0, step = 0;
  for (int i = 0; i < kSteps && t < end; ++i) {
    const Nearest nearest = figure.nearest(ray.at(t), near.items());
    if (std::abs(nearest.distance) < touch) return {t, nearest.group};
    // Close to the surface the distance falls evenly, so that a ray at a slant may take longer
    // steps. Elsewhere: ellipsoids and tapered limbs promise a little more than there is.
    const float slope = step != 0 ? (before - nearest.distance) / step : 1.0f;
    const bool even = std::abs(nearest.distance) < 0.01f && 0.3f < slope && slope < 1.2f;
    before = nearest.distance;
    step = nearest.distance * (even ? 1 / slope : 0.85f);
    t += step;
  }
  return {};
}

ShadowMap::ShadowMap(const Figure& figure, Vec3 to_light, float blur) : blur_(blur) {
  const Vec3 side =
      normalize(cross(std::abs(to_light.y) > 0.9f ? Vec3{1, 0, 0} : Vec3{0, 1, 0}, to_light));
  frame_.turn = {side, cross(to_light, side), to_light};
  Vec3 low{1e3f, 1e3f, 1e3f}, high = low * -1.0f;
  for (const Group& group : figure.groups()) {
    const Vec3 p = frame_.turn.inverse(group.center), r = Vec3{1, 1, 1} * group.radius;
    const Vec3 a = p - r, b = p + r;
    low = {std::min(low.x, a.x), std::min(low.y, a.y), std::min(low.z, a.z)};
    high = {std::max(high.x, b.x), std::max(high.y, b.y), std::max(high.z, b.z)};
  }
  frame_.origin = frame_.turn * Vec3{low.x, low.y, high.z};
  per_metre_ = real(kSize - 1) / std::max(high.x - low.x, high.y - low.y);
  const Tiles tiles(figure, kSize, kSize, [&](Vec3 center, float radius) {
    const Vec3 p = frame_.to_local(center) * per_metre_;
    const float r = radius * per_metre_;
    return Tiles::Bounds{p.x - r, p.y - r, p.x + r, p.y + r};
  });
  height_.assign(std::size_t{kSize} * kSize, -1e9f);
  for (int y = 0; y < kSize; ++y) {
    for (int x = 0; x < kSize; ++x) {
      const Ray ray{frame_.to_world({real(x) / per_metre_, real(y) / per_metre_, 0.1f}),
                    to_light * -1.0f};
      const Hit hit = cast(figure, tiles.at(x, y), ray, 2e-3f);
      if (hit) height_[static_cast<std::size_t>(y * kSize + x)] = 0.1f - hit.t;
    }
  }
}

float ShadowMap::at(int x, int y) const {
  if (x < 0 || y < 0 || x >= kSize || y >= kSize) return -1e9f;
  return height_[static_cast<std::size_t>(y * kSize + x)];
}

float ShadowMap::light_at(Vec3 p) const {
  const Vec3 q = frame_.to_local(p);
  const float step = std::max(blur_ * per_metre_, 1.0f);
  float lit = 0;
  for (int dy = -1; dy <= 1; ++dy) {
    for (int dx = -1; dx <= 1; ++dx) {
      const float x = q.x * per_metre_ + step * real(dx), y = q.y * per_metre_ + step * real(dy);
      const float fx = std::floor(x), fy = std::floor(y);
      const int ix = static_cast<int>(std::clamp(fx, -2.0f, real(kSize)));
      const int iy = static_cast<int>(std::clamp(fy, -2.0f, real(kSize)));
      // Soft in depth, too: the map is coarse, and a surface must not shade itself.
      const auto open = [&](int ax, int ay) {
        return 1 - smoothstep(0.012f, 0.05f, at(ax, ay) - q.z);
      };
      lit += mix(mix(open(ix, iy), open(ix + 1, iy), x - fx),
                 mix(open(ix, iy + 1), open(ix + 1, iy + 1), x - fx), y - fy);
    }
  }
  return clamp01(lit / 9);
}

}  // namespace mannequin

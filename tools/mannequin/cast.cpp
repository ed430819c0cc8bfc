#include "cast.hpp"

namespace mannequin {
namespace {

/// The distance beyond a group's sphere within which it affects fillets and ambient occlusion.
constexpr float kMargin = 0.05f;

struct Rays {
  Vec3x4 origin, direction;
  Vec3x4 at(Float4 t) const { return origin + direction * t; }
};

/// The interval in which rays are inside a group's box, extended by its fillets; empty if `to` <
/// `from`.
struct Passage {
  Float4 from, to;
};

Passage passage(const Group& group, const Rays& rays) {
  const Vec3x4 o = inverse(group.frame.turn, rays.origin - group.center);
  const Vec3x4 d = inverse(group.frame.turn, rays.direction);
  Passage inside{four(-1e9f), four(1e9f)};
  const auto slab = [&](Float4 origin, Float4 direction, float half) {
    // A ray parallel to the slab enters and leaves it far away.
    const Float4 safe = magnitude(direction) < 1e-9f ? four(1e-9f) : direction;
    const Float4 step = 1.0f / safe, middle = -origin * step;
    const Float4 reach = (half + group.blend) * magnitude(step);
    inside.from = max(inside.from, middle - reach);
    inside.to = min(inside.to, middle + reach);
  };
  slab(o.x, d.x, group.box_half.x);
  slab(o.y, d.y, group.box_half.y);
  slab(o.z, d.z, group.box_half.z);
  return inside;
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

std::array<Hit, 4> cast(const Figure& figure, std::span<const std::uint16_t> active,
                        const std::array<Ray, 4>& four_rays, float touch) {
  std::array<Hit, 4> hits;
  Rays rays;
  for (int i = 0; i < 4; ++i) {
    rays.origin.set(i, four_rays[static_cast<std::size_t>(i)].origin);
    rays.direction.set(i, four_rays[static_cast<std::size_t>(i)].direction);
  }
  // Only groups whose box the rays enter can be hit, or blend with what is hit.
  GroupList near;
  Float4 t = four(1e9f), end = four(0.0f);
  for (const std::uint16_t index : active) {
    const Passage inside = passage(figure.groups()[index], rays);
    const Int4 passes = inside.from < inside.to;
    if (!any(passes)) continue;
    near.add(index);
    t = passes ? min(t, inside.from) : t;
    end = passes ? max(end, inside.to) : end;
  }
  constexpr int kSteps = 80;
  constexpr float kMinStep = 2e-3f;  // the smallest step, for rays that graze a surface
  t = max(t, four(0.05f));
  Float4 outside = t;  // last position of each ray in front of the surface
  Float4 before = four(1e3f), step = four(0.0f);
  Int4 running = t < end, group = four(-1);
  for (int i = 0; i < kSteps && any(running); ++i) {
    const Nearest nearest = figure.nearest(rays.at(t), near.items());
    const Float4 d = nearest.distance;
    // Where distances are discontinuous, as at hems, a ray may be in front of and behind the
    // surface but never on it.
    const Int4 jumped = (d < 0.0f) & (t - outside < 4 * touch);
    // A ray that approaches a surface until the steps run out counts as a hit.
    const Int4 creeping = four(i == kSteps - 1 ? -1 : 0) & (d < 5e-3f);
    const Int4 touching = running & ((magnitude(d) < touch) | jumped | creeping);
    group = touching ? nearest.group : group;
    running &= ~touching;
    // Close to the surface the distance decreases linearly, so that an oblique ray may take longer
    // steps. Elsewhere ellipsoids and tapered limbs overestimate the distance slightly.
    const Float4 slope = (before - d) / (step == 0.0f ? four(1.0f) : step);
    const Int4 even = (d < 0.01f) & (slope > 0.3f) & (slope < 1.2f);
    outside = d < 0.0f ? outside : t;
    before = d;
    const Float4 ahead = max(d * (even ? 1.0f / slope : four(0.85f)), four(kMinStep));
    step = d < 0.0f ? (outside - t) * 0.5f : ahead;
    t = running ? t + step : t;
    running &= t < end;
  }
  for (int i = 0; i < 4; ++i) hits[static_cast<std::size_t>(i)] = {t[i], group[i]};
  return hits;
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
  for (int y = 0; y < kSize; y += 2) {
    for (int x = 0; x < kSize; x += 2) fill(figure, tiles.at(x, y), x, y);
  }
}

void ShadowMap::fill(const Figure& figure, std::span<const std::uint16_t> active, int x, int y) {
  constexpr float kAbove = 0.1f;
  std::array<Ray, 4> rays;
  for (int i = 0; i < 4; ++i) {
    const Vec3 start{real(x + i % 2) / per_metre_, real(y + i / 2) / per_metre_, kAbove};
    rays[static_cast<std::size_t>(i)] = {frame_.to_world(start), frame_.turn.z * -1.0f};
  }
  const std::array<Hit, 4> hits = cast(figure, active, rays, 2e-3f);
  for (int i = 0; i < 4; ++i) {
    const Hit& hit = hits[static_cast<std::size_t>(i)];
    if (!hit) continue;
    height_[static_cast<std::size_t>((y + i / 2) * kSize + x + i % 2)] = kAbove - hit.t;
  }
}

float ShadowMap::at(int x, int y) const {
  if (x < 0 || y < 0 || x >= kSize || y >= kSize) return -1e9f;
  return height_[static_cast<std::size_t>(y * kSize + x)];
}

float ShadowMap::light_at(Vec3 p) const {
  const Vec3 q = frame_.to_local(p);
  const float step = std::max(blur_ * per_metre_, 1.0f);
  const auto beside = [&](float metres) {
    const float pixel = metres * per_metre_;
    return pixel < -step - 1 || pixel > real(kSize) + step;
  };
  if (beside(q.x) || beside(q.y)) return 1;
  float lit = 0;
  for (int dy = -1; dy <= 1; ++dy) {
    for (int dx = -1; dx <= 1; ++dx) {
      const float x = q.x * per_metre_ + step * real(dx), y = q.y * per_metre_ + step * real(dy);
      const float fx = std::floor(x), fy = std::floor(y);
      const int ix = static_cast<int>(std::clamp(fx, -2.0f, real(kSize)));
      const int iy = static_cast<int>(std::clamp(fy, -2.0f, real(kSize)));
      // The test is soft in depth, too, because the map is coarse and a surface must not shade
      // itself.
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

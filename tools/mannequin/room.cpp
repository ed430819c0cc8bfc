#include "room.hpp"

namespace mannequin {
namespace {

/// The pattern of a flat surface; `u` and `v` in metres.
Vec3 flat_color(const Material& material, float u, float v) {
  const float s = 1 / std::max(material.size, 1e-3f);
  const auto line = [](float t) { return std::abs(t - std::floor(t) - 0.5f) * 2; };
  const auto cell = [](float t) { return std::floor(t); };
  switch (material.pattern) {
    case Pattern::Rings:  // planks
    {
      const float shade =
          0.8f + 0.4f * noise({cell(u * s) * 7.3f, cell(v * 0.6f + cell(u * s) * 0.37f), 0});
      const float grain = 0.85f + 0.3f * noise({u * 60, v * 4, 0});
      return material.color *
             (shade * grain * mix(0.6f, 1.0f, smoothstep(1.0f, 0.94f, line(u * s))));
    }
    case Pattern::Stripes:
      return mix(material.color, material.second, smoothstep(0.45f, 0.55f, line(u * s)));
    case Pattern::Checks: {
      const int odd = static_cast<int>(cell(u * s) + cell(v * s)) & 1;
      return (odd != 0 ? material.color : material.second) *
             (0.9f + 0.2f * noise({u * 9, v * 9, 0}));
    }
    case Pattern::Dots: {  // bricks
      const float row = cell(v * s * 2), x = u * s + 0.5f * row;
      const float joint = std::max(line(x), line(v * s * 2));
      const float shade = 0.75f + 0.5f * noise({cell(x) * 3.7f, row * 5.1f, 0});
      return mix(material.color * shade, material.second, smoothstep(0.90f, 0.95f, joint));
    }
    case Pattern::Blotches:
      return mix(material.color, material.second, layered_noise({u * s, v * s, 0.5f}));
    default:
      return material.color * (0.85f + 0.3f * layered_noise({u * 14, v * 14, 0}));
  }
}

Vec3 sky_color(const Room& room, Vec3 direction) {
  const Vec3 clear = mix(room.horizon, room.zenith, std::sqrt(clamp01(direction.y * 1.6f)));
  const float cloud = layered_noise(Vec3{direction.x * 4, direction.y * 11, direction.z * 4});
  const Vec3 sky = mix(clear, Vec3{0.9f, 0.9f, 0.9f}, smoothstep(0.5f, 0.75f, cloud) * 0.7f);
  const float ridge = 0.02f + 0.16f * layered_noise({direction.x * 3, 7, direction.z * 3});
  const float leaves = 0.6f + 0.8f * layered_noise(direction * 40.0f);
  return direction.y < ridge ? room.walls[0].color * leaves : sky;
}

/// True if a ray along a unit vector may hit the bounding sphere of an object; most rays miss most
/// objects.
bool comes_near(const Object& object, Vec3 origin, Vec3 direction) {
  const Vec3 to_center = object.frame.origin - origin;
  const float away = dot(to_center, to_center), along = dot(to_center, direction);
  // The margin covers rounding errors of a few millionths of the squares.
  return away - along * along < 1.01f * dot(object.half, object.half) + 1e-5f * away;
}

/// The point where a ray enters an object, in the object's frame; false if it does not.
bool enter(const Object& object, Vec3 o, Vec3 d, float& t, Vec3& normal) {
  const auto root = [&](Vec3 p, Vec3 v, float& at) {
    const float a = dot(v, v), b = dot(p, v), c = dot(p, p) - 1, inside = b * b - a * c;
    if (inside < 0) return false;
    at = (-b - std::sqrt(inside)) / a;
    return at > 0;
  };
  if (object.solid == Solid::Ball) {
    if (!root(o / object.half, d / object.half, t)) return false;
    const Vec3 p = (o + d * t) / object.half;
    normal = normalize(p / object.half);
    return true;
  }
  const Vec3 inv{1 / d.x, 1 / d.y, 1 / d.z};
  const Vec3 near{-std::copysign(object.half.x, d.x), -std::copysign(object.half.y, d.y),
                  -std::copysign(object.half.z, d.z)};
  const Vec3 in = (near - o) * inv, out = (near * -1.0f - o) * inv;
  if (object.solid == Solid::Cylinder) {
    const Vec3 round{object.half.x, 1, object.half.z};
    const Vec3 flat_o = Vec3{o.x, 0, o.z} / round, flat_d = Vec3{d.x, 0, d.z} / round;
    if (root(flat_o, flat_d, t) && std::abs(o.y + d.y * t) < object.half.y) {
      const Vec3 p = (flat_o + flat_d * t) / round;
      normal = normalize({p.x, 0, p.z});
      return true;
    }
    const Vec3 p = flat_o + flat_d * in.y;
    if (in.y < 0 || dot(p, p) > 1) return false;
    t = in.y;
    normal = {0, -std::copysign(1.0f, d.y), 0};
    return true;
  }
  t = std::max({in.x, in.y, in.z});
  if (t < 0 || t > std::min({out.x, out.y, out.z})) return false;
  normal = t == in.x   ? Vec3{-std::copysign(1.0f, d.x), 0, 0}
           : t == in.y ? Vec3{0, -std::copysign(1.0f, d.y), 0}
                       : Vec3{0, 0, -std::copysign(1.0f, d.z)};
  return true;
}

// Values of Seen::thing.
constexpr int kFloor = 1, kSky = 2, kCeiling = 3, kWall = 4, kObject = 10;

void look_at_surroundings(const Room& room, Vec3 origin, Vec3 direction, Seen& seen) {
  const auto plane = [&](float t, int thing, Vec3 normal) {
    if (t <= 0 || t >= seen.t) return;
    seen = {.t = t, .point = origin + direction * t, .normal = normal, .thing = thing, .lit = true};
  };
  if (direction.y < 0) plane(-origin.y / direction.y, kFloor, {0, 1, 0});
  if (room.outdoors) {
    if (seen.thing < 0) seen.thing = kSky;
    return;
  }
  if (direction.y > 0) plane((room.height - origin.y) / direction.y, kCeiling, {0, -1, 0});
  for (int wall = 0; wall < 4; ++wall) {
    const float sign = wall % 2 == 0 ? 1.0f : -1.0f;
    const float towards = (wall < 2 ? direction.x : direction.z) * sign;
    const float from = (wall < 2 ? origin.x : origin.z) * sign;
    const Vec3 normal = wall < 2 ? Vec3{-sign, 0, 0} : Vec3{0, 0, -sign};
    // Walls behind the camera are left out.
    if (towards <= 0 || from > room.distance[wall]) continue;
    plane((room.distance[wall] - from) / towards, kWall + wall, normal);
  }
}

}  // namespace

Seen Room::look(Vec3 origin, Vec3 direction) const {
  Seen seen;
  for (std::size_t i = 0; i < objects.size(); ++i) {
    const Object& object = objects[i];
    float t = 0;
    Vec3 normal;
    if (!comes_near(object, origin, direction) ||
        !enter(object, object.frame.to_local(origin), object.frame.turn.inverse(direction), t,
               normal) ||
        t >= seen.t) {
      continue;
    }
    seen = {.t = t,
            .point = origin + direction * t,
            .normal = object.frame.turn * normal,
            .thing = kObject + static_cast<int>(i),
            .lit = true};
  }
  look_at_surroundings(*this, origin, direction, seen);
  return seen;
}

Vec3 Room::color(const Seen& seen, Vec3 direction) const {
  const Vec3 p = seen.point;
  if (seen.thing == kFloor) {
    const Vec3 near = flat_color(floor, p.x, p.z);
    // Distant ground takes the colour of the hills.
    return outdoors ? mix(near, walls[0].color, smoothstep(6, 40, seen.t)) : near;
  }
  if (seen.thing == kSky) return sky_color(*this, direction);
  if (seen.thing == kCeiling) return {0.75f, 0.74f, 0.72f};
  if (seen.thing < kObject) {
    const int wall = seen.thing - kWall;
    if (p.y < 0.09f) return {0.55f, 0.53f, 0.50f};  // skirting board
    return flat_color(walls[wall], wall < 2 ? p.z : p.x, p.y);
  }
  const Object& object = objects[static_cast<std::size_t>(seen.thing - kObject)];
  const Vec3 local = object.frame.to_local(p), normal = object.frame.turn.inverse(seen.normal);
  return std::abs(normal.z) > 0.5f ? flat_color(object.material, local.x, local.y)
                                   : flat_color(object.material, local.z + local.x, local.y);
}

bool Room::shaded(Vec3 p, Vec3 direction) const {
  for (const Object& object : objects) {
    if (!comes_near(object, p, direction)) continue;
    float t = 0;
    Vec3 normal;
    if (enter(object, object.frame.to_local(p), object.frame.turn.inverse(direction), t, normal) &&
        t > 0.01f) {
      return true;
    }
  }
  return false;
}

}  // namespace mannequin

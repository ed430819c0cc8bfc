#include <cstdint>

#include "scene.hpp"

namespace sample {
namespace {

float hash(int x, int y) {
  std::uint32_t h =
      static_cast<std::uint32_t>(x) * 0x8da6b343u ^ static_cast<std::uint32_t>(y) * 0xd8163841u;
  h = (h ^ h >> 15) * 0x2c1b3c6du;
  h = (h ^ h >> 12) * 0x297a2d39u;
  return static_cast<float>((h ^ h >> 15) >> 8) / static_cast<float>(1 << 24);
}

/// Smooth noise in 0..1 with features of size one.
float noise(float x, float y) {
  const float fx = std::floor(x), fy = std::floor(y);
  const int ix = static_cast<int>(fx), iy = static_cast<int>(fy);
  const float u = smoothstep(0, 1, x - fx), v = smoothstep(0, 1, y - fy);
  return mix(mix(hash(ix, iy), hash(ix + 1, iy), u), mix(hash(ix, iy + 1), hash(ix + 1, iy + 1), u),
             v);
}

float layered_noise(float x, float y) {
  float sum = 0, weight = 0.5f;
  for (int octave = 0; octave < 5; ++octave, weight *= 0.5f, x *= 2.03f, y *= 2.03f) {
    sum += weight * noise(x, y);
  }
  return sum;
}

constexpr float kWallZ = -1.5f;

Vec3 planks(Vec3 p) {
  const float board = p.x / 0.16f;
  const int which = static_cast<int>(std::floor(board));
  const float tone = 0.75f + 0.35f * hash(which, static_cast<int>(std::floor(p.z / 1.3f + which)));
  const float grain = 0.85f + 0.3f * layered_noise(p.x * 60, p.z * 4 + which * 7.0f);
  const float seam = smoothstep(0.0f, 0.03f, std::min(board - which, which + 1 - board));
  return Vec3{0.34f, 0.21f, 0.12f} * (tone * grain * mix(0.45f, 1.0f, seam));
}

Vec3 wall(Vec3 p) {
  const float pool = std::exp(-0.45f * ((p.x - 0.3f) * (p.x - 0.3f) + (p.y - 1.4f) * (p.y - 1.4f)));
  const float plaster = 0.94f + 0.12f * layered_noise(p.x * 9, p.y * 9);
  if (p.y < 0.11f) return Vec3{0.50f, 0.49f, 0.46f} * (p.y > 0.10f ? 0.6f : 1.0f);
  return mix(Vec3{0.20f, 0.22f, 0.23f}, Vec3{0.50f, 0.53f, 0.52f}, pool) * plaster;
}

Backdrop studio(Vec3 origin, Vec3 direction) {
  const float to_wall = (kWallZ - origin.z) / direction.z;
  const Vec3 on_wall = origin + direction * to_wall;
  if (direction.z < 0 && on_wall.y > 0) return {wall(on_wall), on_wall, false};
  const Vec3 p = origin + direction * (-origin.y / direction.y);
  return {planks(p), p, true};
}

Vec3 sky(Vec3 direction) {
  const float up = clamp01(direction.y * 1.8f);
  const Vec3 clear = mix(Vec3{0.72f, 0.80f, 0.86f}, Vec3{0.20f, 0.42f, 0.75f}, std::sqrt(up));
  const float cloud = layered_noise(direction.x * 5 + 3, direction.y * 14 + 1);
  return mix(clear, {0.92f, 0.92f, 0.91f}, smoothstep(0.48f, 0.72f, cloud) * 0.8f);
}

// Hills as lines of height over the direction; the farther, the bluer.
Vec3 hills(Vec3 direction, Vec3 behind) {
  const float x = direction.x / -direction.z;
  Vec3 seen = behind;
  for (int layer = 0; layer < 3; ++layer) {
    const float nearness = static_cast<float>(layer) / 2;
    const float height = mix(0.085f, 0.02f, nearness) +
                         0.07f * layered_noise(x * (2.0f + 2 * layer) + 10.0f * layer, 0.5f) -
                         0.02f;
    if (direction.y > height) continue;
    const float leaves = 0.7f + 0.6f * layered_noise(x * 60, direction.y * 60 + layer * 9.0f);
    seen =
        mix(Vec3{0.33f, 0.45f, 0.52f}, Vec3{0.07f, 0.15f, 0.05f} * leaves, nearness * 0.85f + 0.1f);
  }
  return seen;
}

Vec3 grass(Vec3 p) {
  const float blades = layered_noise(p.x * 70, p.z * 22);
  const float patches = layered_noise(p.x * 1.3f, p.z * 1.3f);
  const Vec3 green = mix(Vec3{0.07f, 0.16f, 0.03f}, Vec3{0.24f, 0.30f, 0.08f}, patches);
  const float far = smoothstep(4.0f, 40.0f, -p.z);
  return mix(green * (0.45f + 1.1f * blades), Vec3{0.20f, 0.28f, 0.12f}, far);
}

Backdrop meadow(Vec3 origin, Vec3 direction) {
  if (direction.y > -0.004f) return {hills(direction, sky(direction)), {}, false};
  const Vec3 p = origin + direction * (-origin.y / direction.y);
  return {grass(p), p, true};
}

}  // namespace

Backdrop backdrop(Place place, Vec3 origin, Vec3 direction) {
  return place == Place::Studio ? studio(origin, direction) : meadow(origin, direction);
}

Light light(Place place) {
  if (place == Place::Studio) {
    return {.direction = normalize({0.55f, 0.75f, 0.85f}),
            .key = {1.55f, 1.48f, 1.38f},
            .sky = {0.62f, 0.66f, 0.72f},
            .ground = {0.30f, 0.24f, 0.19f}};
  }
  return {.direction = normalize({-0.6f, 0.8f, 0.55f}),
          .key = {1.9f, 1.75f, 1.5f},
          .sky = {0.52f, 0.66f, 0.88f},
          .ground = {0.18f, 0.22f, 0.09f}};
}

}  // namespace sample

#include "texture.hpp"

namespace mannequin {
namespace {

float lattice(int x, int y, int z) {
  std::uint32_t h = static_cast<std::uint32_t>(x) * 0x8da6b343u ^
                    static_cast<std::uint32_t>(y) * 0xd8163841u ^
                    static_cast<std::uint32_t>(z) * 0xcb1ab31fu;
  h = (h ^ (h >> 15)) * 0x2c1b3c6du;
  h = (h ^ (h >> 12)) * 0x297a2d39u;
  return static_cast<float>((h ^ (h >> 15)) >> 8) * 0x1p-24f;
}

/// Alternates between 0 and 1 along `t`, with soft edges.
float turns(float t) { return smoothstep(0.42f, 0.58f, std::abs(t - std::floor(t) - 0.5f) * 2); }

float dots(Vec3 p) {
  const auto off = [](float t) { return t - std::floor(t) - 0.5f; };
  return smoothstep(0.36f, 0.28f, std::sqrt(off(p.x) * off(p.x) + off(p.y) * off(p.y)));
}

Vec3 eye_at(const Material& material, Vec3 p) {
  const float aside = std::abs(p.x) - 0.0315f, up = p.y - 0.0125f;
  const float from_axis = std::sqrt(aside * aside + up * up);
  const Vec3 white{0.74f, 0.71f, 0.68f};
  const Vec3 iris = mix(material.color, white, smoothstep(0.0062f, 0.0075f, from_axis));
  return mix(Vec3{0.005f, 0.005f, 0.005f}, iris, smoothstep(0.0026f, 0.0036f, from_axis));
}

Vec3 skin_at(const Material& material, Vec3 p) {
  // In the head's frame: the shadow of a beard, and slightly redder cheeks and nose.
  if (material.size == 0) {
    const float red =
        smoothstep(0.045f, 0.0f, length(Vec3{std::abs(p.x) - 0.034f, p.y + 0.028f, p.z - 0.078f}));
    const Vec3 rosy = mix(material.color, material.color * Vec3{1.12f, 0.82f, 0.80f}, red);
    const float jaw = smoothstep(-0.035f, -0.060f, p.y) * smoothstep(-0.02f, 0.03f, p.z);
    return mix(rosy, material.second, jaw * material.beard);
  }
  return material.color * (0.96f + 0.08f * noise(p * 30.0f));
}

}  // namespace

float noise(Vec3 p) {
  const float fx = std::floor(p.x), fy = std::floor(p.y), fz = std::floor(p.z);
  const int x = static_cast<int>(fx), y = static_cast<int>(fy), z = static_cast<int>(fz);
  const auto ease = [](float t) { return t * t * (3 - 2 * t); };
  const float u = ease(p.x - fx), v = ease(p.y - fy), w = ease(p.z - fz);
  const auto plane = [&](int dz) {
    return mix(mix(lattice(x, y, z + dz), lattice(x + 1, y, z + dz), u),
               mix(lattice(x, y + 1, z + dz), lattice(x + 1, y + 1, z + dz), u), v);
  };
  return mix(plane(0), plane(1), w);
}

float layered_noise(Vec3 p) {
  float sum = 0, weight = 0.53f;
  for (int octave = 0; octave < 4; ++octave, weight *= 0.5f, p = p * 2.03f) {
    sum += weight * noise(p);
  }
  return sum;
}

Vec3 color_at(const Material& material, Vec3 p) {
  const Vec3 q = p * (1 / std::max(material.size, 1e-3f));
  const float around = std::atan2(p.x, p.z) * 0.12f / std::max(material.size, 1e-3f);
  switch (material.pattern) {
    case Pattern::Plain:
      return material.color * (0.94f + 0.12f * noise(p * 25.0f));
    case Pattern::Rings:
      return mix(material.color, material.second, turns(q.y));
    case Pattern::Stripes:
      return mix(material.color, material.second, turns(around));
    case Pattern::Checks:
      return mix(material.color, material.second, 0.5f * (turns(q.y) + turns(around)));
    case Pattern::Dots:
      return mix(material.color, material.second, dots({around, q.y, 0}));
    case Pattern::Blotches:
      return mix(material.color, material.second, smoothstep(0.40f, 0.60f, layered_noise(q)));
    case Pattern::Weave:
      return material.color * (0.75f + 0.5f * layered_noise(p * Vec3{160, 40, 160}));
    case Pattern::Skin:
      return skin_at(material, p);
    case Pattern::Eye:
      return eye_at(material, p);
    case Pattern::Strands:
      return mix(material.color, material.second,
                 noise({p.x * 220 + p.z * 60, p.y * 18, p.z * 220}));
  }
  return material.color;
}

Vec3 random_color(Random& random) {
  // The hue is a point on the colour circle; half of all colours are dull.
  const float hue = random.range(0, 2 * kPi);
  const float strength = random.chance(0.5f) ? random.range(0, 0.25f) : random.range(0.3f, 0.95f);
  const float light = std::pow(random.range(0.12f, 0.95f), 2.0f);
  const Vec3 pure{0.5f + 0.5f * std::cos(hue), 0.5f + 0.5f * std::cos(hue - 2 * kPi / 3),
                  0.5f + 0.5f * std::cos(hue + 2 * kPi / 3)};
  return mix(Vec3{1, 1, 1}, pure, strength) * light;
}

Material random_cloth(Random& random, float patterned) {
  Material cloth{.color = random_color(random), .second = random_color(random)};
  if (random.chance(patterned)) {
    constexpr Pattern kPatterns[] = {Pattern::Rings, Pattern::Stripes, Pattern::Checks,
                                     Pattern::Dots, Pattern::Blotches};
    cloth.pattern = kPatterns[random.pick({3, 1.5f, 2, 1, 2})];
    cloth.size = random.range(0.035f, 0.13f);
  } else if (random.chance(0.4f)) {
    cloth.pattern = Pattern::Weave;
  }
  return cloth;
}

}  // namespace mannequin

#include "person.hpp"
#include "shapes.hpp"

namespace sample {
namespace {

float skin_of_head(Vec3 p, Vec3 mirrored) {
  float d = ellipsoid(p, {0, 0.022f, -0.012f}, {0.074f, 0.104f, 0.096f});
  d = blend(d, ellipsoid(p, {0, -0.050f, 0.020f}, {0.054f, 0.070f, 0.066f}), 0.045f);
  d = blend(d, ellipsoid(mirrored, {0.036f, -0.022f, 0.058f}, {0.026f, 0.024f, 0.022f}), 0.03f);
  d = blend(d, ellipsoid(p, {0, -0.104f, 0.058f}, {0.022f, 0.016f, 0.018f}), 0.03f);  // chin
  d = carve(d, ellipsoid(mirrored, {0.031f, 0.014f, 0.096f}, {0.020f, 0.011f, 0.017f}), 0.02f);
  d = blend(d, limb(p, {0, 0.020f, 0.084f}, {0, -0.022f, 0.101f}, 0.008f, 0.011f), 0.016f);
  d = blend(d, ellipsoid(mirrored, {0.011f, -0.027f, 0.092f}, {0.009f, 0.007f, 0.010f}), 0.010f);
  d = blend(d, ellipsoid(mirrored, {0.077f, -0.004f, -0.012f}, {0.010f, 0.031f, 0.018f}), 0.012f);
  return d;
}

float lids(Vec3 mirrored) {
  const Vec3 q = mirrored - eye_center(0);
  const float ball = length(q) - 0.0152f;
  const float opening = std::abs(q.y + 0.0005f) - 0.0062f + q.x * q.x * 14.0f;
  return carve(ball, opening, 0.002f);
}

float hair_of_head(Vec3 p, bool long_hair) {
  float d = ellipsoid(p, {0, 0.034f, -0.022f}, {0.086f, 0.112f, 0.106f});
  if (long_hair) {
    d = blend(d, ellipsoid(p, {0, -0.085f, -0.055f}, {0.098f, 0.16f, 0.060f}), 0.06f);
    d = carve(d, ellipsoid(p, {0, -0.055f, 0.085f}, {0.066f, 0.142f, 0.115f}), 0.015f);
  } else {
    d = carve(d, ellipsoid(p, {0, -0.075f, 0.060f}, {0.12f, 0.138f, 0.112f}), 0.012f);
    d = std::max(d, -0.075f - p.y);
  }
  // Strands, as fine waves that run from the parting down.
  const float strands = std::sin(260 * p.x + 40 * p.z) * std::sin(90 * p.z + 30 * p.y);
  return d + 0.0012f * strands;
}

}  // namespace

Vec3 eye_center(int which) { return {which == 0 ? 0.0315f : -0.0315f, 0.013f, 0.0665f}; }

Surface head_surface(Vec3 p, bool long_hair) {
  const Vec3 mirrored{std::abs(p.x), p.y, p.z};
  Surface nearest;
  nearest.add(blend(skin_of_head(p, mirrored), lids(mirrored), 0.004f), Material::Skin);
  nearest.add(length(mirrored - eye_center(0)) - 0.0138f, Material::Eye);
  nearest.add(hair_of_head(p, long_hair), Material::Hair);
  nearest.add(limb(mirrored, {0.015f, 0.037f, 0.0845f}, {0.048f, 0.038f, 0.0665f}, 0.0042f, 0.003f),
              Material::Hair);  // brows
  const float upper =
      limb(mirrored, {0.0f, -0.0610f, 0.0895f}, {0.023f, -0.0640f, 0.0785f}, 0.0052f, 0.0022f);
  const float lower =
      limb(mirrored, {0.0f, -0.0700f, 0.0880f}, {0.021f, -0.0655f, 0.0785f}, 0.0062f, 0.0022f);
  nearest.add(std::min(upper, lower), Material::Lips);
  return nearest;
}

}  // namespace sample

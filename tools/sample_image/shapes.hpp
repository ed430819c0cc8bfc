#pragma once

#include "vec3.hpp"

// Signed distances: negative inside, close to the true distance near the surface.
namespace sample {

inline float ellipsoid(Vec3 p, Vec3 center, Vec3 radii) {
  const Vec3 q = (p - center) / radii;
  const float to_center = length(q);
  const float gradient = length(q / radii);
  if (gradient < 1e-6f) return -std::min({radii.x, radii.y, radii.z});
  return to_center * (to_center - 1) / gradient;
}

/// A limb from `a` to `b`, whose radius goes from `ra` to `rb`.
inline float limb(Vec3 p, Vec3 a, Vec3 b, float ra, float rb) {
  const Vec3 ap = p - a, ab = b - a;
  const float t = clamp01(dot(ap, ab) / dot(ab, ab));
  return length(ap - ab * t) - mix(ra, rb, t);
}

/// The union of two shapes with a fillet of about `k`.
inline float blend(float a, float b, float k) {
  const float h = std::max(k - std::abs(a - b), 0.0f) / k;
  return std::min(a, b) - h * h * k * 0.25f;
}

/// `a` without `b`, the edge rounded by about `k`.
inline float carve(float a, float b, float k) { return -blend(-a, b, k); }

}  // namespace sample

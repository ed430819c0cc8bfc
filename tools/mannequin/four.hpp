#pragma once

#include <cmath>
#include <cstdint>

#include "vec3.hpp"

namespace mannequin {

// Four numbers at a time, in the vector extension that GCC and Clang share. Every operation is one
// of IEEE's, so that results do not depend on the machine.

using Float4 = float __attribute__((vector_size(16)));
using Int4 = std::int32_t __attribute__((vector_size(16)));

inline Float4 four(float value) { return Float4{value, value, value, value}; }
inline Int4 four(std::int32_t value) { return Int4{value, value, value, value}; }

inline Float4 min(Float4 a, Float4 b) { return a < b ? a : b; }
inline Float4 max(Float4 a, Float4 b) { return a > b ? a : b; }
inline Float4 magnitude(Float4 a) { return max(a, -a); }
inline Float4 root(Float4 a) {
  return Float4{std::sqrt(a[0]), std::sqrt(a[1]), std::sqrt(a[2]), std::sqrt(a[3])};
}

/// True if a comparison holds for any of the four.
inline bool any(Int4 holds) {
  using Long2 = std::int64_t __attribute__((vector_size(16)));
  const auto halves = reinterpret_cast<Long2>(holds);
  return (halves[0] | halves[1]) != 0;
}

/// Approximates sin by parabolas.
inline Float4 wave(Float4 angle) {
  const Float4 turn = angle * (0.5f / kPi);
  // Rounds to the nearest integer, halves away from zero.
  const Float4 half = turn < 0.0f ? four(-0.5f) : four(0.5f);
  const Float4 whole = __builtin_convertvector(__builtin_convertvector(turn + half, Int4), Float4);
  const Float4 t = turn - whole;
  return t * (8.0f - 16.0f * magnitude(t));
}

/// Four points or directions.
struct Vec3x4 {
  Float4 x, y, z;

  static Vec3x4 all(Vec3 v) { return {four(v.x), four(v.y), four(v.z)}; }
  void set(int lane, Vec3 v) { x[lane] = v.x, y[lane] = v.y, z[lane] = v.z; }
};

inline Vec3x4 operator+(const Vec3x4& a, const Vec3x4& b) {
  return {a.x + b.x, a.y + b.y, a.z + b.z};
}
inline Vec3x4 operator-(const Vec3x4& a, Vec3 b) { return {a.x - b.x, a.y - b.y, a.z - b.z}; }
inline Vec3x4 operator+(const Vec3x4& a, Vec3 b) { return {a.x + b.x, a.y + b.y, a.z + b.z}; }
inline Vec3x4 operator*(const Vec3x4& a, Vec3 b) { return {a.x * b.x, a.y * b.y, a.z * b.z}; }
inline Vec3x4 operator*(const Vec3x4& a, Float4 s) { return {a.x * s, a.y * s, a.z * s}; }
inline Float4 dot(const Vec3x4& a, Vec3 b) { return a.x * b.x + a.y * b.y + a.z * b.z; }
inline Float4 dot(const Vec3x4& a, const Vec3x4& b) { return a.x * b.x + a.y * b.y + a.z * b.z; }
inline Vec3x4 inverse(const Rotation& r, const Vec3x4& v) {
  return {dot(v, r.x), dot(v, r.y), dot(v, r.z)};
}

}  // namespace mannequin

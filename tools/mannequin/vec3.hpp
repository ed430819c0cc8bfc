#pragma once

#include <algorithm>
#include <cmath>
#include <numbers>

namespace mannequin {

inline constexpr float kPi = std::numbers::pi_v<float>;
inline constexpr float kDegree = kPi / 180;

/// A point, direction or linear RGB colour. Metres; in the world y is up and the floor is y = 0.
struct Vec3 {
  float x = 0, y = 0, z = 0;
};

constexpr Vec3 operator+(Vec3 a, Vec3 b) { return {a.x + b.x, a.y + b.y, a.z + b.z}; }
constexpr Vec3 operator-(Vec3 a, Vec3 b) { return {a.x - b.x, a.y - b.y, a.z - b.z}; }
constexpr Vec3 operator*(Vec3 a, Vec3 b) { return {a.x * b.x, a.y * b.y, a.z * b.z}; }
constexpr Vec3 operator/(Vec3 a, Vec3 b) { return {a.x / b.x, a.y / b.y, a.z / b.z}; }
constexpr Vec3 operator*(Vec3 a, float s) { return {a.x * s, a.y * s, a.z * s}; }
constexpr float dot(Vec3 a, Vec3 b) { return a.x * b.x + a.y * b.y + a.z * b.z; }
constexpr Vec3 cross(Vec3 a, Vec3 b) {
  return {a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x};
}
inline float length(Vec3 a) { return std::sqrt(dot(a, a)); }
inline Vec3 normalize(Vec3 a) { return a * (1.0f / length(a)); }
constexpr float mix(float a, float b, float t) { return a + (b - a) * t; }
constexpr Vec3 mix(Vec3 a, Vec3 b, float t) { return a + (b - a) * t; }
constexpr float clamp01(float t) { return std::min(std::max(t, 0.0f), 1.0f); }
constexpr float smoothstep(float low, float high, float t) {
  t = clamp01((t - low) / (high - low));
  return t * t * (3 - 2 * t);
}

/// Converts a number that is small enough to be exact as float.
template <typename Integer>
constexpr float real(Integer n) {
  return static_cast<float>(n);
}

/// A rotation, as the images of the three axes.
struct Rotation {
  Vec3 x{1, 0, 0}, y{0, 1, 0}, z{0, 0, 1};

  constexpr Vec3 operator*(Vec3 v) const { return x * v.x + y * v.y + z * v.z; }
  constexpr Vec3 inverse(Vec3 v) const { return {dot(x, v), dot(y, v), dot(z, v)}; }
  constexpr Rotation operator*(const Rotation& b) const {
    return {*this * b.x, *this * b.y, *this * b.z};
  }
};

// Rotations by an angle in radians; each turns the first named axis towards the second.
inline Rotation y_to_z(float angle) {
  const float c = std::cos(angle), s = std::sin(angle);
  return {{1, 0, 0}, {0, c, s}, {0, -s, c}};
}
inline Rotation z_to_x(float angle) {
  const float c = std::cos(angle), s = std::sin(angle);
  return {{c, 0, -s}, {0, 1, 0}, {s, 0, c}};
}
inline Rotation x_to_y(float angle) {
  const float c = std::cos(angle), s = std::sin(angle);
  return {{c, s, 0}, {-s, c, 0}, {0, 0, 1}};
}

/// The position and orientation of a bone.
struct Frame {
  Rotation turn = {};
  Vec3 origin = {};

  constexpr Vec3 to_world(Vec3 local) const { return origin + turn * local; }
  constexpr Vec3 to_local(Vec3 world) const { return turn.inverse(world - origin); }
};

}  // namespace mannequin

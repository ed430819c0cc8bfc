#pragma once

#include <functional>
#include <span>
#include <vector>

#include "figure.hpp"

namespace mannequin {

/// The groups of a figure that may be visible in each tile of an image.
class Tiles {
 public:
  struct Bounds {
    float left = 0, top = 0, right = 0, bottom = 0;
  };

  /// `project` gives the bounding pixels of a sphere.
  Tiles(const Figure& figure, int width, int height,
        const std::function<Bounds(Vec3 center, float radius)>& project);

  std::span<const std::uint16_t> at(int x, int y) const {
    return lists_[static_cast<std::size_t>(y / kSize * columns_ + x / kSize)];
  }

 private:
  static constexpr int kSize = 8;
  int columns_;
  std::vector<std::vector<std::uint16_t>> lists_;
};

struct Ray {
  Vec3 origin, direction;  ///< The direction is a unit vector.
  Vec3 at(float t) const { return origin + direction * t; }
};

/// The first intersection of a ray with a figure.
struct Hit {
  float t = 0;
  int group = -1;
  explicit operator bool() const { return group >= 0; }
};

/// Traces four adjacent rays. Tests only the groups `active` and stops within `touch` of the
/// surface.
std::array<Hit, 4> cast(const Figure& figure, std::span<const std::uint16_t> active,
                        const std::array<Ray, 4>& rays, float touch = 4e-4f);

/// The depth of a figure as seen from the light.
class ShadowMap {
 public:
  ShadowMap(const Figure& figure, Vec3 to_light, float blur);

  /// The share of light that reaches `p`: 0 where the figure blocks it, 1 where it does not.
  float light_at(Vec3 p) const;

 private:
  static constexpr int kSize = 96;
  /// Fills two by two pixels.
  void fill(const Figure& figure, std::span<const std::uint16_t> active, int x, int y);
  float at(int x, int y) const;

  Frame frame_;  ///< The z axis points to the light.
  float per_metre_ = 1;
  float blur_;
  std::vector<float> height_;  ///< Height along z.
};

}  // namespace mannequin

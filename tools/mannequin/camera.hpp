#pragma once

#include "figure.hpp"

namespace mannequin {

/// Where a point is in the image, and how far along the optical axis.
struct Projected {
  float x = 0, y = 0, depth = 0;
};

/// A pinhole. Pixels are counted from the middle of the top left one.
struct Camera {
  Frame frame = {};  ///< x right, y up, z backwards, towards the viewer.
  float focal = 1;   ///< In pixels.
  float cx = 0, cy = 0;
  int width = 0, height = 0;

  Projected project(Vec3 world) const {
    const Vec3 p = frame.to_local(world);
    return {cx - focal * p.x / p.z, cy + focal * p.y / p.z, -p.z};
  }
  /// A unit vector in the world.
  Vec3 direction(float x, float y) const {
    return normalize(frame.turn * Vec3{(x - cx) / focal, (cy - y) / focal, -1});
  }
  /// The depth of the point at distance `t` along the unit vector `direction`.
  float depth(Vec3 direction, float t) const { return -t * dot(frame.turn.z, direction); }
};

/// Where images are taken from.
enum class View {
  Any,    ///< Any side, mostly the front; one image of five cuts the person off.
  Front,  ///< More or less the front, and the person fills the image.
};

Camera random_camera(const Figure& figure, const Skeleton& bones, int width, int height, View view,
                     Random& random);

}  // namespace mannequin

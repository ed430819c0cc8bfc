#pragma once

#include "figure.hpp"

namespace mannequin {

/// The position of a point in the image, and its depth along the optical axis.
struct Projected {
  float x = 0, y = 0, depth = 0;
};

/// A pinhole camera. Pixel coordinates start at the middle of the top left pixel.
struct Camera {
  Frame frame = {};  ///< x right, y up, z backwards, towards the viewer.
  float focal = 1;   ///< In pixels.
  float cx = 0, cy = 0;
  int width = 0, height = 0;

  Projected project(Vec3 world) const {
    const Vec3 p = frame.to_local(world);
    return {cx - focal * p.x / p.z, cy + focal * p.y / p.z, -p.z};
  }
  /// The direction of the ray through a pixel, a unit vector in the world.
  Vec3 direction(float x, float y) const {
    return normalize(frame.turn * Vec3{(x - cx) / focal, (cy - y) / focal, -1});
  }
  /// The depth of the point at distance `t` along the unit vector `direction`.
  float depth(Vec3 direction, float t) const { return -t * dot(frame.turn.z, direction); }
};

/// The viewpoint of images.
enum class View {
  Any,    ///< Any side, mostly the front; one image of five crops the person.
  Front,  ///< Approximately the front, and the person fills the image.
};

Camera random_camera(const Figure& figure, const Skeleton& bones, int width, int height, View view,
                     Random& random);

}  // namespace mannequin

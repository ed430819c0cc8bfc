#pragma once

#include <vector>

#include "camera.hpp"

namespace mannequin {

enum class Solid { Box, Ball, Cylinder };

/// An object in the room.
struct Object {
  Solid solid = Solid::Box;
  Frame frame = {};
  Vec3 half = {};  ///< Half sizes.
  Material material = {};
};

/// The intersection of a ray with the surroundings of the person.
struct Seen {
  float t = 1e9f;
  Vec3 point = {}, normal = {};
  int thing = -1;    ///< Floor, sky, ceiling, a wall or an object; see room.cpp.
  bool lit = false;  ///< False for the sky, which shines by itself.
};

/// A room or a place outdoors, around the person at its origin.
struct Room {
  bool outdoors = false;
  Material floor, walls[4];
  float distance[4] = {};  ///< Distances of the walls at +x, -x, +z, -z.
  float height = 2.6f;
  Vec3 horizon = {}, zenith = {};
  std::vector<Object> objects = {};

  Seen look(Vec3 origin, Vec3 direction) const;
  /// The colour of the surface that the ray along `direction` hit.
  Vec3 color(const Seen& seen, Vec3 direction) const;
  /// True if an object blocks the light that comes from `direction` to `p`.
  bool shaded(Vec3 p, Vec3 direction) const;
};

/// With `occluders`, objects may stand between the camera and the person.
Room random_room(const Camera& camera, const Skeleton& bones, const Pose& pose, bool occluders,
                 Random& random);

struct Light {
  Vec3 direction = {0, 1, 0};  ///< Direction to the light.
  Vec3 key = {}, sky = {}, ground = {};
  float blur = 0.02f;  ///< Blur of shadows, in metres.
};

Light random_light(const Room& room, Random& random);

}  // namespace mannequin

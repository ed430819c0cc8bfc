#pragma once

#include <vector>

#include "camera.hpp"

namespace mannequin {

enum class Solid { Box, Ball, Cylinder };

/// Something that is no person.
struct Object {
  Solid solid = Solid::Box;
  Frame frame = {};
  Vec3 half = {};  ///< Half sizes.
  Material material = {};
};

/// What a ray meets outside the person.
struct Seen {
  float t = 1e9f;
  Vec3 point = {}, normal = {};
  int thing = -1;    ///< Floor, sky, ceiling, a wall or an object; see room.cpp.
  bool lit = false;  ///< The sky is not: it shines by itself.
};

/// A room or a place outdoors, around the person at its origin.
struct Room {
  bool outdoors = false;
  Material floor, walls[4];
  float distance[4] = {};  ///< Of the walls at +x, -x, +z, -z.
  float height = 2.6f;
  Vec3 horizon = {}, zenith = {};
  std::vector<Object> objects = {};

  Seen look(Vec3 origin, Vec3 direction) const;
  /// Of what the ray along `direction` met.
  Vec3 color(const Seen& seen, Vec3 direction) const;
  /// Does an object keep the light that comes from `direction` away from `p`?
  bool shaded(Vec3 p, Vec3 direction) const;
};

/// With `occluders`, things may stand between the camera and the person.
Room random_room(const Camera& camera, const Skeleton& bones, const Pose& pose, bool occluders,
                 Random& random);

struct Light {
  Vec3 direction = {0, 1, 0};  ///< To the light.
  Vec3 key = {}, sky = {}, ground = {};
  float blur = 0.02f;  ///< Of shadows, in metres.
};

Light random_light(const Room& room, Random& random);

}  // namespace mannequin

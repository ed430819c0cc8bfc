#pragma once

#include <cstdint>
#include <vector>

#include "person.hpp"

namespace sample {

enum class Place { Studio, Meadow };

struct Camera {
  Vec3 position, target;
  float half_height = 0.3f;  // tangent of half the vertical angle of view
};

struct Scene {
  Person person;
  Place place = Place::Studio;
  Camera camera;
  int width = 0, height = 0;
};

/// What a ray that misses the person shows; `on_floor` tells whether it is the ground, which takes
/// the person's shadow.
struct Backdrop {
  Vec3 colour;
  Vec3 point;
  bool on_floor = false;
};

Backdrop backdrop(Place place, Vec3 origin, Vec3 direction);

/// The direction to the light and the colours of light and sky.
struct Light {
  Vec3 direction, key, sky, ground;
};

Light light(Place place);

/// 8-bit BGR, rows from top to bottom, as OpenCV writes images.
std::vector<std::uint8_t> render(const Scene& scene);

}  // namespace sample

#pragma once

#include "vec3.hpp"

namespace sample {

enum class Material { Skin, Lips, Eye, Hair, Shirt, Trousers, Shoe, None };

/// The nearest surface and what it is made of.
struct Surface {
  float distance = 1e9f;
  Material material = Material::None;

  void add(float other, Material other_material) {
    if (other < distance) *this = {other, other_material};
  }
};

/// One arm or leg by its joints; `side` points across the palm, to the thumb.
struct Arm {
  Vec3 shoulder, elbow, wrist, side;
};

struct Leg {
  Vec3 hip, knee, ankle, toe;
};

struct Person {
  Arm arms[2];
  Leg legs[2];
  Vec3 head{0, 1.62f, 0.015f};
  float head_turn = 0;  // radians, to the image's right
  float body_turn = 0;
  bool long_hair = false;
  Vec3 skin{0.58f, 0.33f, 0.22f};
  Vec3 hair{0.045f, 0.025f, 0.016f};
  Vec3 shirt{0.10f, 0.32f, 0.46f};
  Vec3 stripe{0.80f, 0.78f, 0.70f};
  Vec3 trousers{0.045f, 0.06f, 0.12f};
  Vec3 shoe{0.55f, 0.10f, 0.07f};
};

Surface surface(const Person& person, Vec3 p);

/// The head in its own coordinates, origin between the ears.
Surface head_surface(Vec3 p, bool long_hair);

/// Colour at a point of the person's surface.
Vec3 colour(const Person& person, Material material, Vec3 p);

/// Where eyeballs sit in the head, for iris and pupil.
Vec3 eye_center(int which);

/// The person's own coordinates, and the head's.
Vec3 to_body(const Person& person, Vec3 p);
Vec3 to_head(const Person& person, Vec3 body_point);

}  // namespace sample

#pragma once

#include "random.hpp"

namespace mannequin {

/// Smooth noise from 0 to 1 with features of size one, and several octaves of it.
float noise(Vec3 p);
float layered_noise(Vec3 p);

enum class Pattern { Plain, Rings, Stripes, Checks, Dots, Blotches, Weave, Skin, Eye, Strands };

/// What a surface looks like, in the coordinates of the bone that it is on.
struct Material {
  Pattern pattern = Pattern::Plain;
  Vec3 color = {}, second = {};
  float size = 0.05f;  ///< Of the pattern, in metres.
  float gloss = 0;
  float beard = 0;  ///< Of Skin: how dark the jaw is.
};

Vec3 color_at(const Material& material, Vec3 local);

/// Any colour that paint or cloth may have.
Vec3 random_color(Random& random);

/// Cloth in random colours and patterns.
Material random_cloth(Random& random, float patterned);

}  // namespace mannequin

#pragma once

#include "random.hpp"

namespace mannequin {

/// Smooth noise from 0 to 1 with features of size one, and several octaves of it.
float noise(Vec3 p);
float layered_noise(Vec3 p);

enum class Pattern { Plain, Rings, Stripes, Checks, Dots, Blotches, Weave, Skin, Eye, Strands };

/// The appearance of a surface, in the coordinates of its bone.
struct Material {
  Pattern pattern = Pattern::Plain;
  Vec3 color = {}, second = {};
  float size = 0.05f;  ///< Size of the pattern, in metres.
  float gloss = 0;
  float beard = 0;  ///< Darkness of the jaw, for skin.
};

Vec3 color_at(const Material& material, Vec3 local);

/// A random colour of paint or cloth.
Vec3 random_color(Random& random);

/// A cloth with random colours and patterns.
Material random_cloth(Random& random, float patterned);

}  // namespace mannequin

#pragma once

#include <array>

#include "body.hpp"
#include "texture.hpp"

namespace mannequin {

enum class HairStyle { Bald, Cropped, Short, Long, Bun, Ponytail, Curly };
enum class Top { Bare, Sleeveless, Shirt, Coat };
enum class Bottom { Trousers, Shorts, Skirt };
enum class Footwear { Bare, Socks, Shoes, Boots };
enum class Headwear { None, Cap, Beanie, Brim };

/// Appearance and clothes of a person.
struct Look {
  Material skin, face, lips, eye, brows, hair;

  HairStyle hair_style = HairStyle::Short;
  Headwear headwear = Headwear::None;
  float smile = 0;  ///< How far the corners of the mouth are raised, in metres.

  Top top = Top::Shirt;
  float sleeve = 0.5f;     ///< Where the sleeve ends: 0 is the shoulder, 1 the elbow, 2 the wrist.
  float top_ease = 0.02f;  ///< Distance of the cloth from the skin, in metres at 1.75 m height.
  float hem = 0;           ///< Height over the hip joints.
  float neckline = 0.08f;  ///< Width of the neck's opening.
  bool hood = false;
  Material top_cloth;

  Bottom bottom = Bottom::Trousers;
  float leg = 1.9f;  ///< Where the leg ends: 1 is the knee, 2 the ankle.
  float bottom_ease = 0.015f;
  float flare = 0;  ///< Added to the radius at the leg's hem.
  Material bottom_cloth;

  Footwear footwear = Footwear::Shoes;
  float sock = 0;  ///< The covered share of the shin.
  Material sock_cloth, shoe, sole;

  bool belt = false, scarf = false, backpack = false, bag = false;
  std::array<bool, 2> bracelet = {};
  Material headwear_cloth, extras;
};

Look random_look(const Body& body, Random& random);

}  // namespace mannequin

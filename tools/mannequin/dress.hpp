#pragma once

#include "figure.hpp"
#include "look.hpp"

namespace mannequin {

/// The person's surface: body, hair and clothes.
Figure dressed(const Body& body, const Pose& pose, const Skeleton& bones, const Look& look);

/// Positions of the nose's tip, the eyes and the ears in the head's frame, in metres.
struct FacePoints {
  Vec3 nose;
  std::array<Vec3, 2> eyes, ears;
};
FacePoints face_points(const Body& body);

// The parts of `dressed`; each adds the groups of the layers in its name.

struct Dressing {
  const Body& body;
  const Pose& pose;  ///< Used for hands; the bones contain everything else.
  const Skeleton& bones;
  const Look& look;
  Figure& figure;

  /// Scales a length that is given for a height of 1.75 m.
  float sized(float metres) const { return metres * body.scale; }
  Vec3 sized(Vec3 metres) const { return metres * body.scale; }
};

void add_skin(const Dressing& dressing);          // skin of everything but the head
void add_skin_of_head(const Dressing& dressing);  // head and neck
void add_lower_clothes(const Dressing& dressing);
void add_upper_clothes(const Dressing& dressing);
void add_footwear(const Dressing& dressing);
void add_hair(const Dressing& dressing);
void add_features(const Dressing& dressing);  // eyes, brows, lips
void add_headwear(const Dressing& dressing);
void add_apparel(const Dressing& dressing);  // apparel of everything but the head

/// The trunk in three groups, every radius larger by `ease`.
enum class Trunk { Chest, Waist, Hips };
std::vector<Shape> trunk_shapes(const Body& body, Trunk which, float ease);

}  // namespace mannequin

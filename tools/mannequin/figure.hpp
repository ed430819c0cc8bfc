#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "four.hpp"
#include "skeleton.hpp"
#include "texture.hpp"

namespace mannequin {

/// Which bone something belongs to, clothes included. Sides follow each other, left first.
enum class Part : std::uint8_t {
  Head,
  Hair,
  Neck,
  Torso,
  Pelvis,
  LeftUpperArm,
  RightUpperArm,
  LeftForearm,
  RightForearm,
  LeftHand,
  RightHand,
  LeftThigh,
  RightThigh,
  LeftShin,
  RightShin,
  LeftFoot,
  RightFoot,
};
constexpr Part part_of(Part left, int index) {
  return static_cast<Part>(static_cast<int>(left) + index);
}

/// Ids of the goliath classes that are drawn. Pairs lie nine apart.
enum Class : std::uint8_t {
  kBackground = 0,
  kApparel = 1,
  kFaceNeck = 2,
  kHair = 3,
  kLeftFoot = 4,
  kLeftHand = 5,
  kLeftLowerArm = 6,
  kLeftLowerLeg = 7,
  kLeftShoe = 8,
  kLeftSock = 9,
  kLeftUpperArm = 10,
  kLeftUpperLeg = 11,
  kLowerClothing = 12,
  kTorso = 21,
  kUpperClothing = 22,
  kLowerLip = 23,
  kUpperLip = 24,
};
constexpr std::uint8_t class_of(Class left, int index) {
  return static_cast<std::uint8_t>(left + 9 * index);
}

/// Surfaces of one layer melt into each other; those of different layers meet in an edge.
enum class Layer : std::uint8_t { Skin, Lower, Upper, Feet, Hair, Features, Apparel };

enum class Kind : std::uint8_t {
  Limb,       ///< From `a` to `b`, whose radius goes from `ra` to `rb`; round ends.
  CutLimb,    ///< The same with a flat end at `b`, as hems have it.
  Ellipsoid,  ///< Around `a` with the radii `b`.
  Box,        ///< Around `a` with the half sizes `b`, rounded by `ra`.
  HalfSpace,  ///< All that lies behind `a` as seen along `b`, a unit vector.
};

struct Shape {
  Kind kind = Kind::Limb;
  Vec3 a = {}, b = {};
  float ra = 0, rb = 0;
  float blend = 0.01f;  ///< Width of the fillet to the shapes before it in the group.
  bool carve = false;   ///< Taken away from what the group has so far.

  // Filled in by Figure::add: b - a and one over its square, or one over the radii and their
  // squares.
  Vec3 along = {}, squared = {};
  float inverse = 0;

  Float4 distance(const Vec3x4& p) const;
};

/// Shapes on one bone that have label, colour and layer in common.
struct Group {
  Frame frame = {};
  Layer layer = Layer::Skin;
  Part part = Part::Torso;
  std::uint8_t label = kBackground;
  std::uint16_t material = 0;
  float blend = 0.02f;  ///< Width of the fillet to other groups of the layer.
  float folds = 0;      ///< Depth of wrinkles.
  std::vector<Shape> shapes = {};

  // Filled in by Figure::add.
  Vec3 center = {};                     ///< Of a sphere around all of it, in the world,
  float radius = 0;                     ///< and the sphere's radius.
  Vec3 box_center = {}, box_half = {};  ///< A box around all of it, on the bone.

  Float4 distance(const Vec3x4& local) const;
};

/// What is nearest to each of four points.
struct Nearest {
  Float4 distance = four(1e3f);
  Int4 group = four(-1);
};

/// Some groups of a figure, in ascending order.
class GroupList {
 public:
  void add(std::uint16_t group) {
    if (count_ < items_.size()) items_[count_++] = group;
  }
  std::span<const std::uint16_t> items() const { return {items_.data(), count_}; }

 private:
  std::array<std::uint16_t, 64> items_;  // no figure has as many
  std::size_t count_ = 0;
};

/// A dressed person as signed distances: negative inside, and never far above the true distance.
class Figure {
 public:
  /// Groups of one layer must follow each other.
  void add(Group group);
  std::uint16_t add(const Material& material);

  const std::vector<Group>& groups() const { return groups_; }
  const Material& material(const Group& group) const { return materials_[group.material]; }

  /// Looks at the groups `active` only, which are in ascending order.
  Nearest nearest(const Vec3x4& p, std::span<const std::uint16_t> active) const;

  /// Those of `active` that come within `reach` of `p`, or may melt into what does.
  GroupList close_to(Vec3 p, float reach, std::span<const std::uint16_t> active) const;

  /// A unit vector away from the surface at `p`.
  Vec3 normal(Vec3 p, std::span<const std::uint16_t> active) const;

 private:
  std::vector<Group> groups_;
  std::vector<Material> materials_;
};

}  // namespace mannequin

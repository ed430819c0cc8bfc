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

/// The bone that a group belongs to, clothes included. Left and right alternate, left first.
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

/// The ids of the drawn goliath classes. Left and right differ by nine.
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

/// Surfaces of one layer blend; those of different layers meet in an edge.
enum class Layer : std::uint8_t { Skin, Lower, Upper, Feet, Hair, Features, Apparel };

enum class Kind : std::uint8_t {
  Limb,       ///< From `a` to `b`, whose radius goes from `ra` to `rb`; round ends.
  CutLimb,    ///< The same with a flat end at `b`, as hems have it.
  Ellipsoid,  ///< Around `a` with the radii `b`.
  Box,        ///< Around `a` with the half sizes `b`, rounded by `ra`.
  HalfSpace,  ///< Everything behind `a` along `b`, a unit vector.
};

struct Shape {
  Kind kind = Kind::Limb;
  Vec3 a = {}, b = {};
  float ra = 0, rb = 0;
  float blend = 0.01f;  ///< Width of the fillet to the shapes before it in the group.
  bool carve = false;   ///< True if the shape is subtracted from the group so far.

  // Computed by Figure::add: b - a and one over its square, or one over the radii and their
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
  /// Centre of the bounding sphere, in the world.
  Vec3 center = {};
  float radius = 0;                     ///< Radius of the bounding sphere.
  Vec3 box_center = {}, box_half = {};  ///< Bounding box, in the bone's frame.

  Float4 distance(const Vec3x4& local) const;
};

/// The nearest surface of each of four points.
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
  std::array<std::uint16_t, 64> items_;  // more than any figure has
  std::size_t count_ = 0;
};

/// A dressed person as a signed distance function: negative inside, and never much larger than the
/// true distance.
class Figure {
 public:
  /// Adds a group; groups of one layer must be consecutive.
  void add(Group group);
  std::uint16_t add(const Material& material);

  const std::vector<Group>& groups() const { return groups_; }
  const Material& material(const Group& group) const { return materials_[group.material]; }

  /// Evaluates only the groups `active`, which are in ascending order.
  Nearest nearest(const Vec3x4& p, std::span<const std::uint16_t> active) const;

  /// The groups of `active` within `reach` of `p`, and those that may blend with them.
  GroupList close_to(Vec3 p, float reach, std::span<const std::uint16_t> active) const;

  /// The outward unit normal of the surface at `p`.
  Vec3 normal(Vec3 p, std::span<const std::uint16_t> active) const;

 private:
  std::vector<Group> groups_;
  std::vector<Material> materials_;
};

}  // namespace mannequin

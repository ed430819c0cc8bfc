#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "sapiens/tensor_view.hpp"

namespace sapiens {

struct Rgb {
  std::uint8_t red = 0, green = 0, blue = 0;
  friend constexpr bool operator==(const Rgb&, const Rgb&) = default;
};

enum class BodyPart { Upper, Lower, Other };

/// One point that a pose model finds.
struct KeypointInfo {
  std::string_view name = {};
  Rgb color = {};
  int mirror = 0;  ///< The point that it becomes in a mirrored image; itself on the midline.
  BodyPart part = BodyPart::Other;
  float sigma = 0;   ///< How far annotators disagree, relative to the person's size (OKS); 0: not
                     ///< known.
  float weight = 0;  ///< In the loss of training; 0: not known.
};

/// A line of the skeleton, between two points.
struct SkeletonLink {
  int from = 0, to = 0;
  Rgb color = {};
};

struct KeypointSet {
  std::string_view dataset = {};
  std::span<const KeypointInfo> keypoints = {};
  std::span<const SkeletonLink> skeleton = {};
};

/// The published set of that many points (17, 133, 308); null where there is none, as for a user's
/// own model.
const KeypointSet* find_keypoint_set(Index count) noexcept;

/// One class of a segmentation; class 0 is the background.
struct SegClass {
  std::string_view name = {};
  Rgb color = {};
  int mirror = 0;  ///< The class that it becomes in a mirrored image; itself where not known.
};

struct SegClassSet {
  std::string_view dataset = {};
  std::span<const SegClass> classes = {};
};

/// The published set of that many classes (28, 20, 19); null where there is none.
const SegClassSet* find_seg_classes(Index count) noexcept;

}  // namespace sapiens

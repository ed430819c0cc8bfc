#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "sapiens/tensor_view.hpp"

namespace sapiens {

/// A colour.
struct Rgb {
  std::uint8_t red = 0, green = 0, blue = 0;  ///< 0 to 255.
  friend constexpr bool operator==(const Rgb&, const Rgb&) = default;
};

/// The part of the body that a keypoint belongs to, as in the training configurations.
enum class BodyPart { Upper, Lower, Other };

/// Description of one keypoint of a set.
struct KeypointInfo {
  std::string_view name = {};       ///< "left_shoulder"
  Rgb color = {};                   ///< Colour in drawings.
  int mirror = 0;                   ///< Index of its mirror partner; its own on the midline.
  BodyPart part = BodyPart::Other;  ///< Part of the body.
  float sigma = 0;   ///< OKS sigma: spread of annotations relative to the person; 0: unknown.
  float weight = 0;  ///< Weight in the training loss; 0: unknown.
};

/// A line of the skeleton between two keypoints.
struct SkeletonLink {
  int from = 0, to = 0;  ///< Indices of keypoints.
  Rgb color = {};        ///< Colour in drawings.
};

/// The keypoints of a model and its skeleton. Does not own the data.
struct KeypointSet {
  std::string_view dataset = {};                 ///< Name of the dataset that defines the set.
  std::span<const KeypointInfo> keypoints = {};  ///< In the order of the outputs of the model.
  std::span<const SkeletonLink> skeleton = {};   ///< Lines to draw.
};

/// The published set with `count` keypoints (17, 133 or 308), or null. Static data.
const KeypointSet* find_keypoint_set(Index count) noexcept;

/// Description of one segmentation class. Class 0 is the background.
struct SegClass {
  std::string_view name = {};  ///< "Left_Hand"
  Rgb color = {};              ///< Colour in drawings.
  int mirror = 0;              ///< Id of its mirror partner; its own if there is none.
};

/// The classes of a segmentation model. Does not own the data.
struct SegClassSet {
  std::string_view dataset = {};           ///< Name of the dataset that defines the classes.
  std::span<const SegClass> classes = {};  ///< By class id.
};

/// The published set with `count` classes (28, 20 or 19), or null. Static data.
const SegClassSet* find_seg_classes(Index count) noexcept;

}  // namespace sapiens

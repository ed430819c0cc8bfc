#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "image/rgb.hpp"
#include "sapiens/tensor_view.hpp"

namespace sapiens {

enum class BodyPart { Upper, Lower, Other };

/// One point that a pose model finds.
struct KeypointInfo {
  std::string_view name = {};
  Rgb color = {};
  int mirror = 0;  ///< The point that it becomes in a mirrored picture; itself on the midline.
  BodyPart part = BodyPart::Other;
  float sigma = 0;   ///< How far annotators disagree, relative to the person's size (OKS).
  float weight = 0;  ///< In the loss of training.
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

extern const KeypointSet kCocoKeypoints;           // 17 points
extern const KeypointSet kCocoWholeBodyKeypoints;  // 133 points
extern const KeypointSet kGoliathKeypoints;        // 308 points, in an order of their own

/// The published set of that many points; null where there is none, as for a user's own model.
const KeypointSet* find_keypoint_set(Index count) noexcept;

/// `mirror` of every point, as the flip test takes it.
std::vector<int> flip_partners(const KeypointSet& set);

}  // namespace sapiens

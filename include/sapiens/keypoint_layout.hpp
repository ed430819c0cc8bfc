#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "sapiens/labels.hpp"
#include "sapiens/results.hpp"

namespace sapiens {

/// Names of the layouts that poses convert to: "coco17", "coco133", "openpose18", "openpose25".
std::span<const std::string_view> keypoint_layouts() noexcept;

/// Brings the points of a set into the order of another program's. Points are told by their names.
///
/// The neck of both OpenPose layouts is the middle of the shoulders, as OpenPose was trained, even
/// where the set has a neck of its own, and the hips' middle likewise; their score is the lower of
/// the two.
///
///   const auto convert = KeypointConversion::make(*find_keypoint_set(308), "openpose25");
///   draw_pose(image, convert(poses), &convert.to());
class KeypointConversion {
 public:
  /// Throws Error(InvalidArgument) for a layout that does not exist, and when `from` has none of
  /// its points.
  static KeypointConversion make(const KeypointSet& from, std::string_view layout);

  /// The points that come out, with colours, mirror partners and links.
  const KeypointSet& to() const noexcept { return *to_; }

  /// For every point of `to()` whether the source has it.
  const std::vector<bool>& present() const noexcept { return present_; }

  /// A point that the source does not have is at 0, 0 with score 0, as COCO marks what is not
  /// labelled. Throws Error(InvalidArgument) for a pose with another number of points than `from`.
  Pose operator()(const Pose& pose) const;
  std::vector<Pose> operator()(std::span<const Pose> poses) const;

 private:
  /// Indices into the source; the same twice for a plain copy, -1 where there is none.
  struct Source {
    int a = -1, b = -1;
  };

  KeypointConversion(const KeypointSet& from, const KeypointSet& to);

  const KeypointSet* to_;
  std::size_t source_points_;
  std::vector<Source> sources_;
  std::vector<bool> present_;
};

}  // namespace sapiens

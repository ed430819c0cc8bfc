#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "sapiens/labels.hpp"
#include "sapiens/results.hpp"

namespace sapiens {

/// Names of the supported target layouts: "coco17", "coco133", "openpose18", "openpose25".
std::span<const std::string_view> keypoint_layouts() noexcept;

/// Converts poses to the keypoint layout of another program. Keypoints are matched by name.
///
/// The neck of both OpenPose layouts is the midpoint of the shoulders, as in the training of
/// OpenPose, even if the set has a keypoint for the neck. The middle of the hips is computed in the
/// same way. The score of a midpoint is the lower of the two scores.
///
///   const auto convert = KeypointConversion::make(*find_keypoint_set(308), "openpose25");
///   draw_pose(image, convert(poses), &convert.to());
class KeypointConversion {
 public:
  /// `from` is not referenced after the call. Throws `Error(InvalidArgument)` for an
  /// unknown layout, and when `from` has none of its keypoints.
  static KeypointConversion make(const KeypointSet& from, std::string_view layout);

  /// The target layout with colours, mirror partners and links. Static data.
  const KeypointSet& to() const noexcept { return *to_; }

  /// For every keypoint of `to()`, whether the source has it.
  const std::vector<bool>& present() const noexcept { return present_; }

  /// Converts one pose. Keypoints that the source lacks are at (0, 0) with score 0, as COCO marks
  /// keypoints without labels. Throws `Error(InvalidArgument)` for a pose whose number of keypoints
  /// is not that of `from`.
  Pose operator()(const Pose& pose) const;
  /// Converts several poses.
  std::vector<Pose> operator()(std::span<const Pose> poses) const;

 private:
  // Indices of source keypoints: equal for a copy, different for a midpoint, -1 for none.
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

#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "sapiens/results.hpp"
#include "sapiens/tensor_view.hpp"

namespace sapiens {

struct TrackOptions {
  float min_iou = 0.3f;    ///< Boxes of one person in two frames overlap at least this much.
  Index max_age = 30;      ///< Frames out of sight after which a person is somebody new.
  float min_score = 0.3f;  ///< Keypoints below this do not move a box.
};

/// A person of one frame. The same `id`, from 1, is the same person in every frame.
struct TrackedBox {
  Box box = {};
  Index id = 0;
};

/// Gives boxes of persons a name that lasts, and moves them along between two runs of a detector.
///
///   for each frame:
///     people = detector's turn ? tracker.update(detector(frame)) : tracker.predict();
///     poses = model.pose(frame, boxes of people);
///     tracker.follow(poses);                        // may be left out
///
/// Nothing but arithmetic on boxes: the same calls give the same answer everywhere.
class PersonTracker {
 public:
  /// Throws Error(InvalidArgument) unless min_iou is above 0 and at most 1, max_age is not
  /// negative and min_score is a number.
  explicit PersonTracker(const TrackOptions& options = {});

  /// The next frame, with what a detector found in it: each box once, in the order given, under the
  /// id of the person whose expected box overlaps it most, else under a new one. Ids are never used
  /// twice. Throws Error(InvalidArgument), and changes nothing, for a box with NaN or infinity, or
  /// without width or height.
  std::vector<TrackedBox> update(std::span<const Box> detections);

  /// The next frame, without a detector: everybody whom the last `update` found, where their motion
  /// has taken them, in the same order.
  std::vector<TrackedBox> predict();

  /// What the pose model saw in the boxes of the latest `update` or `predict`, in their order.
  /// After `update` it is remembered how a person's box lies about the keypoints; after `predict`
  /// the box is laid about the keypoints in the same way, so that it becomes what a detector would
  /// have given. A pose that has jumped, or with too few keypoints, changes nothing. Throws
  /// Error(InvalidArgument), and changes nothing, for another number of poses.
  void follow(std::span<const Pose> poses);

 private:
  struct Track {
    Index id = 0;
    Box box = {};                          ///< In the latest frame.
    float velocity_x = 0, velocity_y = 0;  ///< Motion of its centre per frame.
    Box measured = {};                     ///< The last box that was not merely predicted,
    Index age = 0;                         ///< so many frames ago.
    Box detected = {};                     ///< What the detector gave last,
    std::vector<Keypoint> pose = {};       ///< and the keypoints in it.
  };

  void next_frame();
  void measure(Track& track, const Box& box) const;
  void follow(Track& track, const Pose& pose) const;
  std::vector<TrackedBox> visible() const;

  TrackOptions options_;
  Index next_id_ = 1;
  bool detected_ = false;      ///< The latest frame came from `update`.
  std::vector<Track> tracks_;  ///< Those in sight in the order of results, then the lost ones.
  std::size_t in_sight_ = 0;
};

}  // namespace sapiens

#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "sapiens/results.hpp"
#include "sapiens/tensor_view.hpp"

namespace sapiens {

/// Options of a PersonTracker.
struct TrackOptions {
  float min_iou = 0.3f;    ///< Smallest IoU of a track and a detection that are matched.
  Index max_age = 30;      ///< Frames without a match after which a track is deleted.
  float min_score = 0.3f;  ///< Keypoints with lower scores are ignored by `follow`.
};

/// A tracked person in one frame.
struct TrackedBox {
  Box box = {};  ///< In pixels of the frame.
  Index id = 0;  ///< Identifies the person in all frames; counts from 1.
};

/// Assigns persistent ids to detected persons and predicts their boxes in frames without detection.
///
///   for each frame:
///     persons = detect in this frame ? tracker.update(detections) : tracker.predict();
///     poses = run the pose model on the boxes of persons
///     tracker.follow(poses);                        // optional
///
/// The tracker is deterministic: it uses only the boxes and keypoints it is given.
class PersonTracker {
 public:
  /// Throws `Error(InvalidArgument)` unless 0 < min_iou <= 1, max_age >= 0 and min_score is not
  /// NaN.
  explicit PersonTracker(const TrackOptions& options = {});

  /// Advances to the next frame with its detections. Returns every detection in the given order,
  /// with the id of the track whose predicted box overlaps it most, or with a new id. Ids are never
  /// reused. Throws `Error(InvalidArgument)`, without a change of state, for a box that is not
  /// finite or has no width or height.
  std::vector<TrackedBox> update(std::span<const Box> detections);

  /// Advances to the next frame without detections. Returns the persons of the last `update` in the
  /// same order, with boxes moved by their velocities.
  std::vector<TrackedBox> predict();

  /// Corrects boxes by the poses in them; one pose per box of the last `update` or `predict`, in
  /// the same order. After `update`, stores the position of each box relative to its keypoints;
  /// after `predict`, places the box in the same position relative to the new keypoints. A pose
  /// that has moved too far, or has too few keypoints, is ignored. Throws `Error(InvalidArgument)`,
  /// without a change of state, for another number of poses.
  void follow(std::span<const Pose> poses);

 private:
  struct Track {
    Index id = 0;
    Box box = {};                          ///< In the latest frame.
    float velocity_x = 0, velocity_y = 0;  ///< Pixels per frame.
    Box measured = {};                     ///< The last box from a detection or a pose.
    Index age = 0;                         ///< Frames since `measured`.
    Box detected = {};                     ///< The last detection.
    std::vector<Keypoint> pose = {};       ///< The keypoints in `detected`.
  };

  void next_frame();
  void measure(Track& track, const Box& box) const;
  void follow(Track& track, const Pose& pose) const;
  std::vector<TrackedBox> visible() const;

  TrackOptions options_;
  Index next_id_ = 1;
  bool detected_ = false;      ///< The latest frame came from `update`.
  std::vector<Track> tracks_;  ///< Visible ones in the order of results, then lost ones.
  std::size_t in_sight_ = 0;   ///< Number of visible tracks.
};

}  // namespace sapiens

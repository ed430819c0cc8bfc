#pragma once

#include <memory>
#include <vector>

#include "sapiens/checkpoint.hpp"
#include "sapiens/features.hpp"
#include "sapiens/image.hpp"
#include "sapiens/report.hpp"
#include "sapiens/results.hpp"

namespace sapiens {

/// Which of the boxes that the network proposes are persons.
struct DetectOptions {
  float min_score = 0.3f;      ///< A box needs a higher score than this; 0 to 1.
  float nms_iou = 0.3f;        ///< Of two boxes that overlap more, the lower score goes; 0 to 1.
  Index max_detections = 100;  ///< The best so many of what is left; at least 1.
  Progress progress = {};      ///< Told now and then; may throw to stop.
  StopCheck check = {};        ///< Called in between, too.
};

/// The persons in one image.
struct Detection {
  std::vector<Box> persons = {};  ///< Best first; empty where there is no person.
  RunStats stats = {};
};

/// Finds persons: RTMDet with one class, the detector in front of the original's pose,
/// segmentation, depth and normal scripts. One call at a time; two detectors in one process share
/// nothing.
///
///   PersonDetector detector(Checkpoint::open("rtmdet_m_8xb32-100e_coco-obj365-person.pth"));
///   for (const Box& person : detector.detect(Image::read("street.jpg")).persons) {
///     ...
///   }
///
/// docs/detector.md tells what is computed and where it differs from the original.
class PersonDetector {
 public:
  /// Throws `Error(CheckpointRefused)` with the whole report for anything but a complete detector
  /// with finite weights. `Precision::Auto` means fp32 here.
  explicit PersonDetector(const Checkpoint& checkpoint, const EngineOptions& engine = {});
  PersonDetector(PersonDetector&&) noexcept;
  PersonDetector& operator=(PersonDetector&&) noexcept;
  PersonDetector(const PersonDetector&) = delete;
  PersonDetector& operator=(const PersonDetector&) = delete;
  ~PersonDetector();

  const Inspection& inspection() const;
  EngineStats stats() const;

  /// The persons in `image`, in its pixels. A box ends where the network's square input does, so
  /// it may reach beyond the image on the right or at the bottom. Throws InvalidArgument for
  /// options outside their range and for an image whose pixels do not add up.
  Detection detect(const Image& image, const DetectOptions& options = {});

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sapiens

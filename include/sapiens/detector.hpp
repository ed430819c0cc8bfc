#pragma once

#include <memory>
#include <vector>

#include "sapiens/checkpoint.hpp"
#include "sapiens/features.hpp"
#include "sapiens/image.hpp"
#include "sapiens/report.hpp"
#include "sapiens/results.hpp"

namespace sapiens {

/// Thresholds that select persons among the boxes that the network proposes.
struct DetectOptions {
  float min_score = 0.3f;      ///< Boxes with this score or a lower one are dropped; 0 to 1.
  float nms_iou = 0.3f;        ///< Non-maximum suppression: of two boxes with a higher IoU, the
                               ///< one with the lower score is dropped; 0 to 1.
  Index max_detections = 100;  ///< Keeps at most this many, those with the best scores; >= 1.
  Progress progress = {};      ///< Called after every stage of the network.
  StopCheck check = {};        ///< Called more often than `progress`.
};

/// The persons in one image.
struct Detection {
  std::vector<Box> persons = {};  ///< In pixels of the image, best score first; may be empty.
  RunStats stats = {};            ///< Durations of this run.
};

/// Detects persons with RTMDet, as the original's scripts do before pose, segmentation, depth and
/// normals. Calls of one detector must not overlap (see SharedModel); two detectors are
/// independent.
///
///   PersonDetector detector(Checkpoint::open("rtmdet_m_8xb32-100e_coco-obj365-person.pth"));
///   for (const Box& person : detector.detect(Image::read("street.jpg")).persons) {
///     ...
///   }
///
/// docs/detector.md describes what is computed and where it differs from the original.
class PersonDetector {
 public:
  /// Loads the weights; `checkpoint` may be destroyed afterwards. `Precision::Auto` means fp32
  /// here. Throws `Error(CheckpointRefused)` with the complete report unless the file is a complete
  /// detector with finite weights.
  explicit PersonDetector(const Checkpoint& checkpoint, const EngineOptions& engine = {});
  PersonDetector(PersonDetector&&) noexcept;
  PersonDetector& operator=(PersonDetector&&) noexcept;
  PersonDetector(const PersonDetector&) = delete;
  PersonDetector& operator=(const PersonDetector&) = delete;
  ~PersonDetector();

  /// The report of the checkpoint. Lives as long as this detector.
  const Inspection& inspection() const;
  /// Threads, instruction set, precision and memory.
  EngineStats stats() const;

  /// Detects the persons in `image`. Boxes are clipped to the square input of the network, which
  /// may extend beyond the image on the right or at the bottom. Throws `Error(InvalidArgument)` for
  /// options out of range and for an image whose buffer does not have width * height * 3 bytes.
  Detection detect(const Image& image, const DetectOptions& options = {});

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sapiens

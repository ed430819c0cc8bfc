#pragma once

#include <span>
#include <vector>

#include "model/rtmdet.hpp"
#include "sapiens/detector.hpp"
#include "sapiens/results.hpp"
#include "sapiens/tensor_view.hpp"

namespace sapiens {

/// A box by its corners, in pixels of the image, as the detector's decoding computes it.
struct ScoredBox {
  float left = 0, top = 0, right = 0, bottom = 0;
  float score = 0;
};

/// How pixels of the detector's input become pixels of the image.
struct InputFrame {
  Grid size = {};                  ///< Of the input: boxes are clamped to it.
  float scale_x = 1, scale_y = 1;  ///< Pixels of the input per pixel of the image.
};

/// Every box of a score above `min_score`, best first, among equals the finer level and the
/// earlier point. Boxes without area, or with edges that are not numbers, are dropped.
std::vector<ScoredBox> decode_boxes(std::span<const DetectorLevel> levels, const InputFrame& frame,
                                    float min_score);

/// The first `most` of `boxes`, which are sorted, without those that overlap a better one by more
/// than `iou`: shared area over joined area, counted in pixels that include both edges.
std::vector<ScoredBox> suppress_overlaps(std::span<const ScoredBox> boxes, float iou,
                                         Index max_detections);

/// Throws InvalidArgument for options outside their range.
void expect_detect_options(const DetectOptions& options);

Box to_box(const ScoredBox& box) noexcept;

}  // namespace sapiens

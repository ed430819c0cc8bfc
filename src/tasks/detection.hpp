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

/// Maps pixels of the detector's input to pixels of the image.
struct InputFrame {
  Grid size = {};                  ///< Size of the input, to which boxes are clamped.
  float scale_x = 1, scale_y = 1;  ///< Pixels of the input per pixel of the image.
};

/// Every box with a score above `min_score`, best first; among equal scores the finer level and the
/// earlier point come first. Boxes without area or with NaN edges are dropped.
std::vector<ScoredBox> decode_boxes(std::span<const DetectorLevel> levels, const InputFrame& frame,
                                    float min_score);

/// The first `max_detections` of `boxes`, which are sorted, without those that overlap a better one
/// by more than `iou`: shared area over joined area, counted in pixels that include both edges.
std::vector<ScoredBox> suppress_overlaps(std::span<const ScoredBox> boxes, float iou,
                                         Index max_detections);

/// Throws InvalidArgument for options outside their range.
void expect_detect_options(const DetectOptions& options);

Box to_box(const ScoredBox& box) noexcept;

}  // namespace sapiens

#include "tasks/detection.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>

#include "sapiens/error.hpp"

namespace sapiens {
namespace {

float sigmoid(float x) noexcept { return 1.0f / (1.0f + std::exp(-x)); }

// The point is the corner of its cell, not the middle, as in training.
ScoredBox box_at(const DetectorLevel& level, Index point, const InputFrame& frame) {
  const Index row = point / level.size.width, column = point % level.size.width;
  const auto x = static_cast<float>(column * level.stride);
  const auto y = static_cast<float>(row * level.stride);
  const float* const distances = level.distances[point].data();
  const auto across = [&](float edge) {
    return std::clamp(edge, 0.0f, static_cast<float>(frame.size.width)) / frame.scale_x;
  };
  const auto down = [&](float edge) {
    return std::clamp(edge, 0.0f, static_cast<float>(frame.size.height)) / frame.scale_y;
  };
  return {.left = across(x - distances[0]),
          .top = down(y - distances[1]),
          .right = across(x + distances[2]),
          .bottom = down(y + distances[3])};
}

// False where the box is empty, and where an edge is NaN.
bool has_area(const ScoredBox& box) noexcept {
  return box.right - box.left > 0 && box.bottom - box.top > 0;
}

float area(const ScoredBox& box) noexcept {
  return (box.right - box.left + 1) * (box.bottom - box.top + 1);
}

float overlap(const ScoredBox& a, const ScoredBox& b) noexcept {
  const float width = std::min(a.right, b.right) - std::max(a.left, b.left) + 1;
  const float height = std::min(a.bottom, b.bottom) - std::max(a.top, b.top) + 1;
  const float shared = std::max(0.0f, width) * std::max(0.0f, height);
  return shared / (area(a) + area(b) - shared);
}

}  // namespace

std::vector<ScoredBox> decode_boxes(std::span<const DetectorLevel> levels, const InputFrame& frame,
                                    float min_score) {
  std::vector<ScoredBox> boxes;
  for (const DetectorLevel& level : levels) {
    for (Index point = 0; point < level.size.patches(); ++point) {
      const float score = sigmoid(*level.logits[point].data());
      if (!(score > min_score)) continue;
      ScoredBox box = box_at(level, point, frame);
      if (!has_area(box)) continue;
      box.score = score;
      boxes.push_back(box);
    }
  }
  std::ranges::stable_sort(boxes, std::greater(), &ScoredBox::score);
  return boxes;
}

std::vector<ScoredBox> suppress_overlaps(std::span<const ScoredBox> boxes, float iou,
                                         Index max_detections) {
  std::vector<ScoredBox> kept;
  for (const ScoredBox& box : boxes) {
    if (std::ssize(kept) >= max_detections) break;
    const bool covered = std::ranges::any_of(
        kept, [&](const ScoredBox& better) { return overlap(better, box) > iou; });
    if (!covered) kept.push_back(box);
  }
  return kept;
}

void expect_detect_options(const DetectOptions& options) {
  const auto refuse = [](const char* key, const char* expected, std::string actual) {
    throw Error(ErrorCode::InvalidArgument, {.summary = "the value is out of range",
                                             .key = key,
                                             .expected = expected,
                                             .actual = std::move(actual)});
  };
  if (!(options.min_score >= 0 && options.min_score <= 1)) {
    refuse("min_score", "0 to 1", fmt::format("{}", options.min_score));
  }
  if (!(options.nms_iou >= 0 && options.nms_iou <= 1)) {
    refuse("nms_iou", "0 to 1", fmt::format("{}", options.nms_iou));
  }
  if (options.max_detections < 1)
    refuse("max_detections", "1 or more", fmt::format("{}", options.max_detections));
}

Box to_box(const ScoredBox& box) noexcept {
  return {.x = box.left,
          .y = box.top,
          .width = box.right - box.left,
          .height = box.bottom - box.top,
          .score = box.score};
}

}  // namespace sapiens

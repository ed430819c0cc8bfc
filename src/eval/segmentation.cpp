#include <fmt/format.h>

#include <utility>

#include "eval/sizes.hpp"
#include "sapiens/error.hpp"
#include "sapiens/eval.hpp"

namespace sapiens {
namespace {

void expect_class(std::uint8_t id, std::size_t classes, const char* what) {
  if (id < classes) return;
  throw Error(ErrorCode::InvalidArgument,
              {.summary = fmt::format("a {} is not a valid class", what),
               .expected = fmt::format("0 to {}, or {} for pixels to leave out", classes - 1,
                                       SegmentationEvaluator::kIgnored),
               .actual = fmt::format("{}", id)});
}

}  // namespace

std::optional<double> SegmentationScores::Class::iou() const {
  if (ground_truth == 0) return std::nullopt;
  return static_cast<double>(intersection) /
         static_cast<double>(ground_truth + predicted - intersection);
}

SegmentationEvaluator::SegmentationEvaluator(Index classes) {
  if (classes < 1 || classes > kIgnored) {
    throw Error(ErrorCode::InvalidArgument, {.summary = "the number of classes is out of range",
                                             .expected = fmt::format("1 to {}", kIgnored),
                                             .actual = fmt::format("{}", classes)});
  }
  classes_.resize(static_cast<std::size_t>(classes));
}

void SegmentationEvaluator::add(std::span<const std::uint8_t> predicted,
                                std::span<const std::uint8_t> ground_truth) {
  expect_count("the ground truth pixels", predicted.size(), ground_truth.size());
  // Committed at the end, so that an image with an invalid label adds nothing.
  auto counted = classes_;
  for (std::size_t i = 0; i < predicted.size(); ++i) {
    if (ground_truth[i] == kIgnored) continue;
    expect_class(ground_truth[i], counted.size(), "label");
    expect_class(predicted[i], counted.size(), "predicted pixel");
    ++counted[ground_truth[i]].ground_truth;
    ++counted[predicted[i]].predicted;
    if (ground_truth[i] == predicted[i]) ++counted[predicted[i]].intersection;
  }
  classes_ = std::move(counted);
}

SegmentationScores SegmentationEvaluator::result() const {
  SegmentationScores scores{.classes = classes_};
  double sum = 0;
  Index correct = 0, there = 0;
  for (const SegmentationScores::Class& c : classes_) {
    scores.pixels += c.ground_truth;
    correct += c.intersection;
    if (c.ground_truth == 0) continue;
    sum += *c.iou();
    ++there;
  }
  if (there > 0) {
    scores.mean_iou = sum / static_cast<double>(there);
    scores.pixel_accuracy = static_cast<double>(correct) / static_cast<double>(scores.pixels);
  }
  return scores;
}

}  // namespace sapiens

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "cli/eval/eval.hpp"

namespace sapiens::cli {
namespace {

std::vector<double> sigmas_of(const PoseMeasure::Settings& settings) {
  return settings.set ? oks_sigmas(*settings.set) : std::vector<double>{};
}

PredictedPerson found_person(const Pose& pose) {
  PredictedPerson person;
  std::vector<double> scores;
  for (const Keypoint& point : pose.keypoints) {
    person.keypoints.push_back({point.x, point.y});
    scores.push_back(point.score);
  }
  person.score = person_score(pose.box.score, scores);
  return person;
}

std::string point_name(const PoseMeasure::Settings& settings, std::size_t number) {
  return settings.set ? std::string(settings.set->keypoints[number].name)
                      : fmt::format("point {}", number);
}

}  // namespace

PoseMeasure::PoseMeasure(const Settings& settings)
    : settings_(settings), sigmas_(sigmas_of(settings)), pck_(settings.keypoints, settings.pck) {
  if (!sigmas_.empty()) precision_.emplace(sigmas_);
  if (precision_ || settings_.true_boxes) return;
  throw Error(ErrorCode::InvalidArgument,
              {.summary = "nothing tells how exactly these keypoints are annotated, so found and "
                          "true persons cannot be told to be the same",
               .expected = "17 or 133 keypoints, or sigmas of the points in the checkpoint",
               .actual = fmt::format("{} keypoints", settings_.keypoints),
               .hint = "run the model in the true boxes: leave out --boxes, --detector and "
                       "--detections"});
}

bool PoseMeasure::add(const EvalImage& image, const Frame& frame) {
  std::vector<PredictedPerson> found;
  for (const Pose& pose : frame.poses) found.push_back(found_person(pose));
  if (!settings_.true_boxes) {
    add(image, found);
    return true;
  }
  std::vector<std::optional<std::size_t>> partners;
  std::size_t next = 0;
  for (const GroundTruthPerson& person : image.persons) {
    partners.push_back(has_true_box(person) ? std::optional(next++) : std::nullopt);
  }
  add(image, found, partners);
  return true;
}

void PoseMeasure::add(const EvalImage& image, const std::vector<PredictedPerson>& found) {
  add(image, found, match_persons(sigmas_, image.persons, found));
}

void PoseMeasure::add(const EvalImage& image, const std::vector<PredictedPerson>& found,
                      const std::vector<std::optional<std::size_t>>& partners) {
  count_left_out(image, found.size());
  if (precision_) precision_->add(image.id, image.persons, found);
  for (std::size_t i = 0; i < partners.size(); ++i) {
    const GroundTruthPerson& person = image.persons[i];
    if (!is_counted(person)) continue;
    pck_.add(person, partners[i] ? &found[*partners[i]] : nullptr);
  }
}

void PoseMeasure::count_left_out(const EvalImage& image, std::size_t found) {
  for (const GroundTruthPerson& person : image.persons) {
    crowds_ += person.crowd;
    unlabelled_ += !person.crowd && !is_counted(person);
    without_area_ += settings_.true_boxes && is_counted(person) && !has_true_box(person);
  }
  if (precision_ && found > KeypointEvaluator::kMaxDetections) {
    beyond_best_ += static_cast<Index>(found - KeypointEvaluator::kMaxDetections);
  }
  if (settings_.true_boxes) return;
  not_paired_ += static_cast<Index>(found - max_matched_predictions(image.persons.size(), found));
}

Scores PoseMeasure::scores() const {
  Scores scores;
  if (precision_) {
    const KeypointScores result = precision_->result();
    scores.metrics = metrics_of(result);
    scores.counted["persons"] = result.persons;
  }
  const PckScores result = pck_.result();
  std::ranges::copy(metrics_of(result), std::back_inserter(scores.metrics));
  Index visible = 0;
  for (std::size_t k = 0; k < result.points.size(); ++k) {
    const PckScores::Point& point = result.points[k];
    visible += point.visible;
    scores.parts.push_back(
        {point_name(settings_, k), point.share(), fmt::format("{} visible", point.visible)});
  }
  scores.counted["persons_with_visible_points"] = result.persons;
  scores.counted["of_these_not_found"] = result.not_found;
  scores.counted["visible_points"] = visible;
  scores.left_out["crowds"] = crowds_;
  scores.left_out["persons_without_labelled_points"] = unlabelled_;
  if (settings_.true_boxes) {
    scores.left_out["persons_not_found_as_their_box_has_no_area"] = without_area_;
  } else {
    scores.left_out["predictions_that_PCK_does_not_pair"] = not_paired_;
  }
  if (precision_) scores.left_out["predictions_beyond_the_best_20_of_an_image"] = beyond_best_;
  scores.conventions = precision_ ? "AP and AR as pycocotools computes them"
                                  : "no AP: nothing tells the sigmas of these points";
  return scores;
}

}  // namespace sapiens::cli

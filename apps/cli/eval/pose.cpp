#include <fmt/format.h>

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

void PoseMeasure::add_average_precision(Scores& scores) const {
  const KeypointScores result = precision_->result();
  scores.metrics = {
      {"AP", result.ap, "average precision, mean over OKS 0.50 to 0.95"},
      {"AP50", result.ap50, "at OKS 0.50"},
      {"AP75", result.ap75, "at OKS 0.75"},
      {"APM", result.ap_medium, "of persons of 32^2 to 96^2 pixels"},
      {"APL", result.ap_large, "of larger persons"},
      {"AR", result.ar, "average recall, mean over OKS 0.50 to 0.95"},
      {"AR50", result.ar50, "at OKS 0.50"},
      {"AR75", result.ar75, "at OKS 0.75"},
      {"ARM", result.ar_medium, "of persons of 32^2 to 96^2 pixels"},
      {"ARL", result.ar_large, "of larger persons"},
  };
  scores.counted["persons"] = result.persons;
}

Scores PoseMeasure::scores() const {
  Scores scores;
  if (precision_) add_average_precision(scores);
  const PckScores result = pck_.result();
  scores.metrics.push_back(
      {fmt::format("PCK@{}", settings_.pck), result.mean,
       fmt::format("visible points within {} of the longer side of the box", settings_.pck)});
  Index visible = 0;
  for (std::size_t k = 0; k < result.points.size(); ++k) {
    const PckScores::Point& point = result.points[k];
    visible += point.visible;
    std::optional<double> share;
    if (point.visible > 0) {
      share = static_cast<double>(point.correct) / static_cast<double>(point.visible);
    }
    scores.parts.push_back(
        {point_name(settings_, k), share, fmt::format("{} visible", point.visible)});
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

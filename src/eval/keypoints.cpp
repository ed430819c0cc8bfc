#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "sapiens/error.hpp"
#include "sapiens/eval.hpp"

// Reimplements COCOeval.evaluateImg, accumulate and summarize of pycocotools/cocoeval.py for
// "keypoints". Its peculiarities are kept, so that numbers agree: of equal similarities the later
// person wins; a prediction matched with an ignored person is ignored; recall is met by the best
// precision at or behind it. One fault is not kept: an annotation whose id is 0 counts here.
namespace sapiens {
namespace {

constexpr unsigned kThresholds = 10;
constexpr int kRecalls = 101;

struct SizeRange {
  double min, max;  // bounds of areas
};

constexpr SizeRange kSizeRanges[] = {
    {0, 1e10}, {32.0 * 32, 96.0 * 96}, {96.0 * 96, 1e10}};  // all, medium, large

/// np.linspace(0.5, 0.95, 10), bit for bit.
double threshold_value(unsigned number) {
  return number + 1 == kThresholds ? 0.95 : number * ((0.95 - 0.5) / 9) + 0.5;
}

/// np.linspace(0, 1, 101).
double recall_value(int number) { return number + 1 == kRecalls ? 1 : number * 0.01; }

bool is_outside(double area, const SizeRange& range) {
  return area < range.min || area > range.max;
}

/// The area that COCO.loadRes assigns to a prediction: the box around its keypoints.
double predicted_area(const PredictedPerson& predicted) {
  if (predicted.keypoints.empty()) return 0;
  const auto [left, right] =
      std::ranges::minmax_element(predicted.keypoints, {}, &PredictedKeypoint::x);
  const auto [top, bottom] =
      std::ranges::minmax_element(predicted.keypoints, {}, &PredictedKeypoint::y);
  return (right->x - left->x) * (bottom->y - top->y);
}

/// The predictions by descending score; equal scores keep their order.
std::vector<const PredictedPerson*> best_of(std::span<const PredictedPerson> predicted,
                                            std::size_t max) {
  std::vector<const PredictedPerson*> best;
  for (const PredictedPerson& person : predicted) best.push_back(&person);
  std::ranges::stable_sort(best, std::ranges::greater{}, &PredictedPerson::score);
  best.resize(std::min(best.size(), max));
  return best;
}

/// The ground truth of one image, ignored persons last, and its similarity to the predictions.
struct Matching {
  std::vector<const GroundTruthPerson*> persons = {};
  std::vector<bool> ignored = {}, taken = {};
  std::vector<std::vector<double>> similarity = {};  // [predicted][person]

  /// The ground truth person matched with prediction `f` at a threshold.
  std::optional<std::size_t> match(std::size_t f, double threshold) const {
    double best = std::min(threshold, 1 - 1e-10);
    std::optional<std::size_t> match;
    for (std::size_t p = 0; p < persons.size(); ++p) {
      if (taken[p] && !persons[p]->crowd) continue;
      if (match && !ignored[*match] && ignored[p]) break;
      if (similarity[f][p] < best) continue;
      best = similarity[f][p];
      match = p;
    }
    return match;
  }
};

/// Matches one range of sizes.
Matching make_matching(std::span<const GroundTruthPerson> ground_truth, const SizeRange& range,
                       std::span<const std::vector<double>> similarity) {
  const auto is_ignored = [&](const GroundTruthPerson& person) {
    return person.crowd || person.num_keypoints == 0 || is_outside(person.area, range);
  };
  std::vector<std::size_t> order(ground_truth.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_partition(order.begin(), order.end(),
                        [&](std::size_t p) { return !is_ignored(ground_truth[p]); });
  Matching matching;
  for (const std::size_t p : order) {
    matching.persons.push_back(&ground_truth[p]);
    matching.ignored.push_back(is_ignored(ground_truth[p]));
  }
  for (const std::vector<double>& row : similarity) {
    auto& sorted = matching.similarity.emplace_back();
    for (const std::size_t p : order) sorted.push_back(row[p]);
  }
  return matching;
}

void expect_finite(std::span<const PredictedPerson> predicted) {
  for (const PredictedPerson& person : predicted) {
    if (std::isfinite(person.score)) continue;
    throw Error(ErrorCode::InvalidArgument,
                {.summary = "the score of a predicted person is not a finite number"});
  }
}

std::optional<double> mean_if_any(std::span<const double> numbers) {
  if (numbers.empty()) return std::nullopt;
  return std::accumulate(numbers.begin(), numbers.end(), 0.0) / static_cast<double>(numbers.size());
}

}  // namespace

struct KeypointEvaluator::Curve {
  double mean_precision = 0, recall = 0;
};

KeypointEvaluator::KeypointEvaluator(std::span<const double> sigmas)
    : sigmas_(sigmas.begin(), sigmas.end()) {
  if (!sigmas_.empty() && std::ranges::all_of(sigmas_, [](double s) { return s > 0; })) return;
  throw Error(ErrorCode::InvalidArgument,
              {.summary = "every keypoint needs a sigma above 0 to be compared"});
}

void KeypointEvaluator::add(std::int64_t image, std::span<const GroundTruthPerson> ground_truth,
                            std::span<const PredictedPerson> predicted) {
  expect_finite(predicted);
  const std::vector<const PredictedPerson*> best = best_of(predicted, kMaxDetections);
  std::vector<std::vector<double>> similarity(best.size());
  std::vector<Record> records;
  for (std::size_t f = 0; f < best.size(); ++f) {
    for (const GroundTruthPerson& person : ground_truth) {
      similarity[f].push_back(object_keypoint_similarity(sigmas_, person, *best[f]));
    }
    records.push_back({best[f]->score, image, static_cast<std::int64_t>(f), {}, {}});
  }
  for (std::size_t size = 0; size < kSizes; ++size) {
    Matching matching = make_matching(ground_truth, kSizeRanges[size], similarity);
    persons_[size] += std::ranges::count(matching.ignored, false);
    for (unsigned t = 0; t < kThresholds; ++t) {
      matching.taken.assign(ground_truth.size(), false);
      for (std::size_t f = 0; f < best.size(); ++f) {
        const auto match = matching.match(f, threshold_value(t));
        const bool ignored = match ? matching.ignored[*match]
                                   : is_outside(predicted_area(*best[f]), kSizeRanges[size]);
        if (match) matching.taken[*match] = true;
        const auto bit = static_cast<std::uint16_t>(1u << t);
        if (match) records[f].matched[size] |= bit;
        if (ignored) records[f].ignored[size] |= bit;
      }
    }
  }
  records_.insert(records_.end(), records.begin(), records.end());
}

std::vector<std::size_t> KeypointEvaluator::best_first() const {
  std::vector<std::size_t> order(records_.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::sort(order, [&](std::size_t a, std::size_t b) {
    const Record &x = records_[a], &y = records_[b];
    if (x.score != y.score) return x.score > y.score;
    return x.image != y.image ? x.image < y.image : x.rank < y.rank;
  });
  return order;
}

KeypointEvaluator::Curve KeypointEvaluator::curve(std::span<const std::size_t> order,
                                                  std::size_t size, unsigned threshold) const {
  const auto persons = static_cast<double>(persons_[size]);
  std::vector<double> recall, precision;
  double right = 0, wrong = 0;
  for (const std::size_t number : order) {
    const Record& record = records_[number];
    // An ignored prediction repeats the point before, as in pycocotools; the curve is the same.
    if (!(record.ignored[size] >> threshold & 1u)) {
      (record.matched[size] >> threshold & 1u ? right : wrong) += 1;
    }
    recall.push_back(right / persons);
    precision.push_back(right / (wrong + right + std::numeric_limits<double>::epsilon()));
  }
  for (std::size_t i = precision.size(); i-- > 1;) {
    precision[i - 1] = std::max(precision[i - 1], precision[i]);
  }
  double sum = 0;
  for (int r = 0; r < kRecalls; ++r) {
    const auto reached = std::ranges::lower_bound(recall, recall_value(r)) - recall.begin();
    if (reached < std::ssize(recall)) sum += precision[static_cast<std::size_t>(reached)];
  }
  return {.mean_precision = sum / kRecalls, .recall = recall.empty() ? 0 : recall.back()};
}

KeypointScores KeypointEvaluator::result() const {
  const std::vector<std::size_t> order = best_first();
  std::array<std::vector<double>, kSizes> precision, recall;
  for (std::size_t size = 0; size < kSizes; ++size) {
    for (unsigned t = 0; t < kThresholds && persons_[size] > 0; ++t) {
      const Curve of_threshold = curve(order, size, t);
      precision[size].push_back(of_threshold.mean_precision);
      recall[size].push_back(of_threshold.recall);
    }
  }
  const auto at = [](std::span<const double> numbers, std::size_t t) -> std::optional<double> {
    return numbers.empty() ? std::nullopt : std::optional(numbers[t]);
  };
  return {.ap = mean_if_any(precision[0]),
          .ap50 = at(precision[0], 0),
          .ap75 = at(precision[0], 5),
          .ap_medium = mean_if_any(precision[1]),
          .ap_large = mean_if_any(precision[2]),
          .ar = mean_if_any(recall[0]),
          .ar50 = at(recall[0], 0),
          .ar75 = at(recall[0], 5),
          .ar_medium = mean_if_any(recall[1]),
          .ar_large = mean_if_any(recall[2]),
          .persons = persons_[0]};
}

}  // namespace sapiens

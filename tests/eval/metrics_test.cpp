#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <string>
#include <vector>

#include "sapiens/eval.hpp"

namespace sapiens {
namespace {

std::vector<std::string> names(const std::vector<Metric>& metrics) {
  std::vector<std::string> names;
  std::ranges::transform(metrics, std::back_inserter(names), &Metric::name);
  return names;
}

using Names = std::vector<std::string>;

TEST(Metrics, HaveTheNamesThatUsersSee) {
  EXPECT_EQ(names(metrics_of(SegmentationScores{})), (Names{"mIoU", "pixel_accuracy"}));
  EXPECT_EQ(names(metrics_of(DepthScores{})),
            (Names{"delta1", "delta2", "delta3", "AbsRel", "RMSE", "unexplained"}));
  EXPECT_EQ(names(metrics_of(NormalScores{})),
            (Names{"mean_angle", "median_angle", "within_11.25", "within_22.5", "within_30"}));
  EXPECT_EQ(names(metrics_of(KeypointScores{})),
            (Names{"AP", "AP50", "AP75", "APM", "APL", "AR", "AR50", "AR75", "ARM", "ARL"}));
  EXPECT_EQ(names(metrics_of(PckScores{})), Names{"PCK@0.1"});
  EXPECT_EQ(names(metrics_of(PckEvaluator(1, 0.25).result())), Names{"PCK@0.25"});
}

TEST(Metrics, AreEmptyWithoutAnythingToComputeThemFrom) {
  for (const auto& metrics :
       {metrics_of(SegmentationEvaluator(2).result()), metrics_of(DepthEvaluator().result()),
        metrics_of(NormalEvaluator().result()), metrics_of(PckEvaluator(1).result())}) {
    for (const Metric& metric : metrics) EXPECT_FALSE(metric.value) << metric.name;
  }
}

TEST(Metrics, StandByTheirNames) {
  const auto pose = metrics_of(KeypointScores{.ap = 1,
                                              .ap50 = 2,
                                              .ap75 = 3,
                                              .ap_medium = 4,
                                              .ap_large = 5,
                                              .ar = 6,
                                              .ar50 = 7,
                                              .ar75 = 8,
                                              .ar_medium = 9,
                                              .ar_large = 10});
  for (std::size_t i = 0; i < pose.size(); ++i) EXPECT_EQ(pose[i].value, i + 1) << pose[i].name;
  const auto depth =
      metrics_of(DepthScores{.rmse = 5, .absrel = 4, .delta = {1, 2, 3}, .unexplained = 6});
  for (std::size_t i = 0; i < depth.size(); ++i) EXPECT_EQ(depth[i].value, i + 1) << depth[i].name;
  const auto normal = metrics_of(NormalScores{.mean = 1, .median = 2, .within = {3, 4, 5}});
  for (std::size_t i = 0; i < normal.size(); ++i) {
    EXPECT_EQ(normal[i].value, i + 1) << normal[i].name;
  }
}

TEST(Metrics, PersonsAreScoredByTheirBoxAndTheirSurerPoints) {
  EXPECT_DOUBLE_EQ(person_score(0.5, std::vector{0.9, 0.2, 0.5, 0.1}), 0.35);
  EXPECT_EQ(person_score(1, std::vector{0.2, 0.1}), 0);
  EXPECT_EQ(person_score(1, {}), 0);
}

}  // namespace
}  // namespace sapiens

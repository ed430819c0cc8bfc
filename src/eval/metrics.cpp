#include <fmt/format.h>

#include "sapiens/eval.hpp"

namespace sapiens {

std::vector<Metric> metrics_of(const KeypointScores& scores) {
  return {
      {"AP", scores.ap, "average precision, mean over OKS 0.50 to 0.95"},
      {"AP50", scores.ap50, "at OKS 0.50"},
      {"AP75", scores.ap75, "at OKS 0.75"},
      {"APM", scores.ap_medium, "of persons of 32^2 to 96^2 pixels"},
      {"APL", scores.ap_large, "of larger persons"},
      {"AR", scores.ar, "average recall, mean over OKS 0.50 to 0.95"},
      {"AR50", scores.ar50, "at OKS 0.50"},
      {"AR75", scores.ar75, "at OKS 0.75"},
      {"ARM", scores.ar_medium, "of persons of 32^2 to 96^2 pixels"},
      {"ARL", scores.ar_large, "of larger persons"},
  };
}

std::vector<Metric> metrics_of(const PckScores& scores) {
  return {
      {fmt::format("PCK@{}", scores.threshold), scores.mean,
       fmt::format("visible points within {} of the longer side of the box", scores.threshold)}};
}

std::vector<Metric> metrics_of(const SegmentationScores& scores) {
  return {{"mIoU", scores.mean_iou, "mean over the classes that the labels have"},
          {"pixel_accuracy", scores.pixel_accuracy, "share of pixels that are right"}};
}

std::vector<Metric> metrics_of(const DepthScores& scores) {
  return {{"delta1", scores.delta[0], "share of pixels off by a factor below 1.25"},
          {"delta2", scores.delta[1], "... below 1.25^2"},
          {"delta3", scores.delta[2], "... below 1.25^3"},
          {"AbsRel", scores.absrel, "mean of |found - true| / true"},
          {"RMSE", scores.rmse, "root mean square error, in the labels' unit"},
          {"unexplained", scores.unexplained,
           "share of the depths' variance; 1: no better than one depth everywhere"}};
}

std::vector<Metric> metrics_of(const NormalScores& scores) {
  return {{"mean_angle", scores.mean, "degrees", 2},
          {"median_angle", scores.median, "degrees", 2},
          {"within_11.25", scores.within[0], "share of pixels off by less degrees"},
          {"within_22.5", scores.within[1], "..."},
          {"within_30", scores.within[2], "..."}};
}

}  // namespace sapiens

#pragma once

#include "cli/eval/options.hpp"
#include "cli/eval/set.hpp"
#include "cli/input/annotations.hpp"

namespace sapiens::cli {

/// What is run, and what its results are compared with.
struct EvalPlan {
  EvalOptions options = {};
  EvalSet set = {};
  Index keypoints = 0;          ///< That are annotated; 0 for other tasks.
  Json files = Json::object();  ///< What of annotations and folders is used.

  bool true_boxes() const { return keypoints > 0 && options.takes_true_boxes(); }
};

/// For the checkpoint of `options`. Says what of the annotations is left out.
EvalPlan make_eval_plan(EvalOptions options);

/// Says what of a file is left out.
void warn_of(const CocoTally& tally);

/// Says what of them is left out.
Annotations read_annotations(const EvalOptions& options);

/// Of the persons that were found, whose file may count categories in another way.
PersonCategory found_category(const EvalOptions& options);

}  // namespace sapiens::cli

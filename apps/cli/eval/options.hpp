#pragma once

#include <string>

#include "cli/options/task_options.hpp"

namespace sapiens::cli {

/// The command line of `sapiens eval`.
struct EvalOptions {
  TaskOptions run;  ///< How results are computed; its `checkpoint` is CKPT.
  std::string data;
  std::string annotations;  ///< Empty: annotations.json in `data`.
  std::string images;       ///< Empty: `data`.
  std::string detections;   ///< What was found before; no model runs.
  std::string boxes = "gt";
  PersonCategory category;        ///< Of the annotations.
  PersonCategory found_category;  ///< Of `detections` or `boxes`; unless chosen, the same.
  std::string output;             ///< A JSON file.
  Index limit = 0;                ///< 0: all images.
  double pck = 0.1;

  bool takes_true_boxes() const { return boxes == "gt" && run.detector.empty(); }
};

}  // namespace sapiens::cli

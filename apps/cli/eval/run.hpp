#pragma once

#include <sapiens/tensor_view.hpp>
#include <span>

#include "cli/eval/measure.hpp"
#include "cli/run/task_context.hpp"

namespace sapiens::cli {

/// What became of the images of an evaluation.
struct EvalCounts {
  Index compared = 0, nothing_to_compare = 0, failed = 0;
  Index boxes_outside = 0;       ///< Of --boxes, outside of their image and left out.
  Index unlisted = 0;            ///< Images without an entry in --boxes.
  Index true_boxes_outside = 0;  ///< Of their image, and looked into nevertheless.
};

/// Runs the models on images and hands the results to `measure`; reads ahead and compares while
/// they compute. With `true_boxes` persons are looked for where they are, else as `context` says.
/// An image that fails is reported to the meter and left out; when memory runs out, the error is
/// thrown.
EvalCounts run_eval(const TaskContext& context, std::span<const EvalImage> images, bool true_boxes,
                    Measure& measure);

}  // namespace sapiens::cli

#pragma once

#include <memory>

#include "cli/eval/measure.hpp"

namespace sapiens::cli {

/// For "seg", "depth" or "normal". `classes` are those of the model, which `set` names if it is not
/// null.
std::unique_ptr<Measure> dense_measure(Task task, Index classes, const SegClassSet* set);

}  // namespace sapiens::cli

#pragma once

#include <optional>
#include <string>

#include "checkpoint/state_dict.hpp"
#include "model/detect.hpp"
#include "reconcile/names.hpp"
#include "reconcile/reconcile.hpp"
#include "sapiens/report.hpp"

namespace sapiens {

/// The nearest explanation of a report, in the user's words, and what to do next.
struct Explanation {
  std::string text;
  std::string hint;
};
Explanation explain(const Plan& plan, const DetectedModel& model, const ModelHints& options);

/// The part of it that is the same for every model: values that cannot be read, parameters that
/// other tensors change, or which rules made all of them fit. Nothing in other cases.
std::optional<Explanation> explain_fit(const Plan& plan);

/// What a file without a recognisable encoder looks like: "a ResNet (convolutional network)".
Explanation explain_foreign(const StateDict& dict, const NameIndex& index);

}  // namespace sapiens

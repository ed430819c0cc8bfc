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

/// The same for parameters whose values cannot be read; nothing where there are none.
std::optional<Explanation> explain_values(const Plan& plan);
/// What changes parameters that the file holds: "24 parameters are changed by other tensors ...".
std::string altered_text(const Report& report);

/// What a file without a recognisable encoder looks like: "a ResNet (convolutional network)".
Explanation explain_foreign(const StateDict& dict, const NameIndex& index);

/// "Sapiens 0.3B encoder, pretrained", "Sapiens 1B pose model, 308 keypoints".
std::string describe_model(const ModelInfo& model);

}  // namespace sapiens

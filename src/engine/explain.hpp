#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "checkpoint/state_dict.hpp"
#include "model/detect.hpp"
#include "reconcile/names.hpp"
#include "reconcile/reconcile.hpp"
#include "sapiens/report.hpp"

namespace sapiens {

/// The most likely explanation of a report and a hint what to do next.
struct Explanation {
  std::string text;
  std::string hint;
};
Explanation explain(const Plan& plan, const DetectedModel& model, const ModelHints& options);

/// The part of an explanation that is common to all models: values that cannot be read, parameters
/// that other tensors modify, or the rules that were needed. Empty in other cases.
std::optional<Explanation> explain_fit(const Plan& plan);

/// Why tasks on a model of Sapiens2 are refused.
inline constexpr std::string_view kNoSapiens2Heads =
    "the heads of Sapiens2 are not supported, as the licence of their published code is one that "
    "this project stays clear of";

/// Why `use`, which needs more than the encoder, is refused for a model of Sapiens2.
Explanation explain_encoder_alone(Use use);

/// Describes a file without a recognisable encoder: "a ResNet (convolutional network)".
Explanation explain_foreign(const StateDict& dict, const NameIndex& index);

}  // namespace sapiens

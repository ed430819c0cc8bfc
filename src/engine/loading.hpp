#pragma once

#include <vector>

#include "checkpoint/state_dict.hpp"
#include "model/weights.hpp"
#include "reconcile/reconcile.hpp"
#include "sapiens/error.hpp"
#include "sapiens/report.hpp"

namespace sapiens {

/// A checkpoint seen through its plan, as the weight loaders want it. Borrows both.
ParamSource plan_source(const StateDict& dict, const Plan& plan);

/// Throws `Error(InvalidArgument)` where the number of attention heads would have to be guessed.
void require_known_heads(const EncoderConfig& encoder);
void require_known_heads(const DecoderConfig& decoder);

/// The refusal of weights that are not numbers.
Error non_finite_error(const FileInfo& file, const std::vector<NonFinite>& found);

}  // namespace sapiens

#pragma once

#include <vector>

#include "model/rtmdet_config.hpp"
#include "reconcile/param_spec.hpp"

namespace sapiens {

/// Every tensor that a published RTMDet file holds, in its order: "backbone.*", "neck.*" and
/// "bbox_head.*" with one class. `num_batches_tracked` are its only integers, and scalars.
std::vector<ParamSpec> rtmdet_layout(const RtmDetConfig& config);

/// The tensors that the network needs: all but the training counters.
std::vector<ParamSpec> rtmdet_params(const RtmDetConfig& config);

/// Trained numbers, each counted once: the three levels share the convolutions of the head, and the
/// norms' running means and variances are not trained.
Index rtmdet_trained_values(const RtmDetConfig& config);

}  // namespace sapiens

#pragma once

#include <optional>

#include "checkpoint/state_dict.hpp"
#include "model/rtmdet_config.hpp"
#include "reconcile/names.hpp"
#include "reconcile/reconcile.hpp"
#include "sapiens/report.hpp"

namespace sapiens {

/// A person detector in a file, reconciled with it.
struct DetectorFile {
  RtmDetConfig config = {};
  Plan plan = {};
};

/// The most complete RTMDet of the file; nothing where there is none. A misfit is a verdict.
std::optional<DetectorFile> find_detector(const StateDict& dict, const NameIndex& index);

ModelInfo detector_info(const RtmDetConfig& config);

}  // namespace sapiens

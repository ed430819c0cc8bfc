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

/// The inspection of a file that is looked at as what it is.
void inspect_detector(const DetectorFile& detector, Inspection& inspection);

/// Says in the report of a file that was asked for an encoder what it holds instead.
void explain_no_encoder(const DetectorFile& detector, Report& report);

}  // namespace sapiens

#pragma once

#include <optional>
#include <string>
#include <string_view>

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
  std::string root = {};  ///< The path in front of "backbone.", "neck." and "bbox_head.".
  bool named = false;     ///< By the prefix that was asked for.
};

/// The RTMDet of the file, that of `prefix` where there are several; nothing where there is none. A
/// misfit, or several that are equally good, is a verdict.
std::optional<DetectorFile> find_detector(const StateDict& dict, const NameIndex& index,
                                          std::string_view prefix = {});

/// The inspection of a file that is looked at as a detector.
Inspection inspect_detector(const StateDict& dict, const DetectorFile& detector);

/// The detector as something that is left beside an encoder.
OtherNames names_of(const DetectorFile& detector);

/// Says in the report of a file that was asked for an encoder what it holds instead.
void explain_no_encoder(const DetectorFile& detector, Report& report);

}  // namespace sapiens

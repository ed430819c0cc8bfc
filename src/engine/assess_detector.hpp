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
  bool named = false;     ///< True if the requested prefix selects it.
};

/// Finds the RTMDet in a file; `prefix` selects one of several. Returns nothing if there is none. A
/// mismatch, or several equal candidates, is a verdict.
std::optional<DetectorFile> find_detector(const StateDict& dict, const NameIndex& index,
                                          std::string_view prefix = {});

/// The inspection of a file as a detector.
Inspection inspect_detector(const StateDict& dict, const DetectorFile& detector);

/// The detector as another model of a file whose encoder is used.
OtherNames names_of(const DetectorFile& detector);

/// Explains in the report of a file without an encoder that it holds a detector.
void explain_no_encoder(const DetectorFile& detector, Report& report);

}  // namespace sapiens

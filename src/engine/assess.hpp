#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/state_dict.hpp"
#include "engine/assess_detector.hpp"
#include "engine/found_encoders.hpp"
#include "model/detect.hpp"
#include "reconcile/names.hpp"
#include "reconcile/reconcile.hpp"
#include "sapiens/checkpoint.hpp"
#include "sapiens/error.hpp"
#include "sapiens/report.hpp"

namespace sapiens {

/// What one file is for one set of options. The model is recognised at once; a plan, which says
/// where the parameters of a use come from, is made when it is first asked for, and kept. Reads no
/// values and does not keep the file open. May be asked from several threads.
class Assessment : public std::enable_shared_from_this<Assessment> {
 public:
  /// Throws `Error(InvalidArgument)` for options that make no sense; a misfit is a verdict.
  Assessment(const StateDict& dict, const ModelOptions& options);

  const NameIndex& index() const noexcept { return index_; }
  const EncoderNames& names() const noexcept { return names_; }

  /// The model in the geometry of `use`. Features are those of the task that the options name, or
  /// else of the file's. Means nothing where the plan's verdict is Foreign or Ambiguous.
  const DetectedModel& model(Use use = Use::Features) const { return made_for(use).model; }
  /// The encoder, and for every use but features its head or decoder. Only its report, which is
  /// explained, means anything where no encoder could be chosen.
  const Plan& plan(Use use) const { return made_for(use).plan; }

  /// The report on `use`, and the verdict on every other.
  Inspection inspection(Use use) const;
  /// The report on what the file holds: the model with its head, or a person detector.
  Inspection inspection() const;

  /// How many plans were made so far, those for choosing between several models included.
  int plans_made() const;

 private:
  struct UsePlan {
    DetectedModel model = {};
    Plan plan = {};
    std::string absence = {};  // why the file has no such head; empty where it has one
  };

  void choose(FoundEncoders encoders, std::string_view prefix);
  void settle(Inspection inspection) { settled_ = std::move(inspection); }
  const UsePlan& made_for(Use use) const;
  UsePlan make(Use use) const;
  std::vector<UseVerdict> verdicts() const;

  StateDict dict_;  // without its values
  ModelHints hints_;
  NameIndex index_;
  EncoderNames names_;
  std::optional<DetectorFile> detector_;
  std::optional<Inspection> settled_;  // set where there is no encoder to make plans for
  std::vector<std::string> notes_;     // of the file's other models
  std::vector<FoundModel> candidates_;
  mutable std::mutex mutex_;
  mutable std::map<Use, UsePlan> plans_;
  mutable int plans_made_ = 0;
};

/// The refusal of a checkpoint as an error whose text lists what is wrong, grouped and counted.
/// `consequence` is what did not happen because of it: "nothing was computed".
Error refusal(const Inspection& inspection, std::string_view consequence);

}  // namespace sapiens

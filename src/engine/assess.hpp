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

/// The result of recognising the model of a file with given options. The constructor recognises the
/// model. The plan of a use, which maps its parameters to tensors, is computed on first access and
/// cached. Reads no values and does not keep the file open. Methods may be called from several
/// threads.
class Assessment : public std::enable_shared_from_this<Assessment> {
 public:
  /// Throws `Error(InvalidArgument)` for invalid options. A mismatch is a verdict.
  Assessment(const StateDict& dict, const ModelOptions& options);

  const NameIndex& index() const noexcept { return index_; }
  const EncoderNames& names() const noexcept { return names_; }

  /// The model with the geometry of `use`. That of Features depends on the task in the options or,
  /// if there is none, on the task of the file. Not valid if the verdict is Foreign or Ambiguous.
  const DetectedModel& model(Use use = Use::Features) const { return plan_for(use).model; }
  /// The plan for the encoder and, for uses other than Features, the head or decoder. If no encoder
  /// could be chosen, only its report, which has an explanation, is valid.
  const Plan& plan(Use use) const { return plan_for(use).plan; }

  /// The report on `use`, and the verdict on every other.
  Inspection inspection(Use use) const;
  /// The report on what the file holds: the model with its head, or a person detector.
  Inspection inspection() const;

  /// Number of plans computed so far, including those for choosing between several models.
  int plans_made() const;

 private:
  struct UsePlan {
    DetectedModel model = {};
    Plan plan = {};
    std::string absence = {};  // why the file lacks the head; empty if it has it
  };

  void choose(FoundEncoders encoders, std::string_view prefix);
  const UsePlan& plan_for(Use use) const;
  UsePlan make_plan(Use use) const;
  UsePlan make_encoder_plan(Use use) const;
  std::vector<UseVerdict> verdicts() const;

  StateDict dict_;  // without its values
  ModelHints hints_;
  NameIndex index_;
  EncoderNames names_;
  std::optional<DetectorFile> detector_;
  std::optional<Inspection> without_encoder_;  // set if the file has no usable encoder
  std::vector<std::string> notes_;             // about the other models of the file
  std::vector<FoundModel> candidates_;
  mutable std::mutex mutex_;
  mutable std::map<Use, UsePlan> plans_;
  mutable int plans_made_ = 0;
};

/// The refusal of a checkpoint as an error whose text lists what is wrong, grouped and counted.
/// `consequence` completes the text: "nothing was computed".
Error refusal(const Inspection& inspection, std::string_view consequence);

}  // namespace sapiens

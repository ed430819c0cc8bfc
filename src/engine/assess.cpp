#include "engine/assess.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <span>
#include <utility>

#include "engine/describe.hpp"
#include "engine/explain.hpp"
#include "engine/model_hints.hpp"
#include "engine/notes.hpp"
#include "engine/several_models.hpp"
#include "model/params.hpp"

namespace sapiens {
namespace {

// What a file with an encoder may be used for.
std::vector<Use> uses_of_encoders() {
  std::vector<Use> uses = {Use::Features, Use::Reconstruct};
  for (const TaskInfo& info : head_tasks()) uses.push_back(use_of(info.task));
  return uses;
}

// Features are made for the task that the options or the file name, so theirs is not used.
Task task_of(Use use) noexcept {
  if (use == Use::Reconstruct) return Task::Pretrain;
  for (const TaskInfo& info : head_tasks()) {
    if (use_of(info.task) == use) return info.task;
  }
  return Task::Backbone;
}

// What keeps the file mapped is left out: an assessment lives as long as its model.
StateDict without_values(StateDict dict) {
  dict.mapping.reset();
  dict.archives.clear();
  for (TensorEntry& tensor : dict.tensors) {
    tensor.map = nullptr;
    tensor.member.reset();
  }
  return dict;
}

// The parameters of a head, or of the decoder: the file's own, or the published ones so that their
// absence can be shown.
std::vector<ParamSpec> params_beside_encoder(const DetectedModel& model, Use use) {
  const Index width = model.encoder.width;
  if (use == Use::Reconstruct)
    return decoder_params(model.decoder.value_or(DecoderConfig{}), width);
  const Task task = task_of(use);
  if (model.head && model.head->task == task) return head_params(*model.head);
  return head_params(published_head(task, width));
}

std::string head_absence(const DetectedModel& model, Task task) {
  if (!model.head) return "no head in this file; it is what fine-tuning starts from";
  if (model.head->task == task) return {};
  return fmt::format("the head in this file is for {}", task_name(model.head->task));
}

void explain_no_decoder(const DetectedModel& model, std::size_t parameters, Report& report) {
  report.explanation =
      model.file_task != Task::Pretrain
          ? "only pretraining files hold the MAE decoder"
          : fmt::format(
                "the MAE decoder (neck.*, {} tensors as published) is not in this file; "
                "cleaned files never have it",
                parameters);
  report.hint =
      "take the file that training wrote, epoch_N.pth: the published name without `_clean`, as "
      "sapiens_0.3b_epoch_1600.pth; `sapiens inspect` tells whether a file has the decoder";
}

void add_explanation(Plan& plan, const DetectedModel& model, const ModelHints& hints) {
  Explanation explanation = explain(plan, model, hints);
  plan.report.explanation = std::move(explanation.text);
  plan.report.hint = std::move(explanation.hint);
}

UseVerdict use_verdict(Use use, const Report& report, const std::string& reason) {
  return {.use = use,
          .verdict = report.verdict,
          .required = report.required,
          .bound = report.bound,
          .reason = reason};
}

// A file without an encoder.
Inspection foreign(const StateDict& dict, const NameIndex& index,
                   const std::optional<DetectorFile>& detector) {
  Inspection result{.file = file_info(dict), .model = {.family = "foreign"}};
  Explanation explanation = explain_foreign(dict, index);
  result.report.explanation = std::move(explanation.text);
  result.report.hint = std::move(explanation.hint);
  if (detector) explain_no_encoder(*detector, result.report);
  result.report.notes = file_notes(dict);
  return result;
}

// The inspection of a file whose encoder is ambiguous or has no values; `report` has the reason,
// which applies to every use.
Inspection undecided(const StateDict& dict, std::string family, Report report) {
  std::vector<UseVerdict> uses;
  for (const Use use : uses_of_encoders())
    uses.push_back(use_verdict(use, report, report.explanation));
  return {.file = file_info(dict),
          .model = {.family = std::move(family)},
          .report = std::move(report),
          .uses = UseVerdicts(std::move(uses))};
}

// The detectors of a file that is asked for its encoder.
void add_detectors(const std::optional<DetectorFile>& detector, std::vector<FoundModel>& found) {
  if (!detector) return;
  for (FoundModel model : detector->plan.report.candidates) {
    model.taken = false;
    model.reason = "a person detector, no encoder";
    found.push_back(std::move(model));
  }
}

bool has_named(const FoundEncoders& encoders, std::string_view prefix) {
  return std::ranges::any_of(encoders.candidates, [&](const Candidate& candidate) {
    return is_named(prefix, candidate.names);
  });
}

void expect_prefix(const StateDict& dict, std::string_view prefix, const FoundEncoders& encoders,
                   const std::optional<DetectorFile>& detector) {
  if (prefix.empty() || has_named(encoders, prefix) || (detector && detector->named)) return;
  std::vector<FoundModel> all;
  for (const Contender& contender : contenders_of(encoders)) all.push_back(contender.found);
  add_detectors(detector, all);
  if (!all.empty()) refuse_prefix(dict, prefix, all);
}

}  // namespace

Assessment::Assessment(const StateDict& dict, const ModelOptions& options)
    : dict_(without_values(dict)), hints_(hints_of(options)), index_(dict_) {
  detector_ = find_detector(dict_, index_, options.prefix);
  FoundEncoders encoders = find_all_encoders(dict_, index_, hints_, options.prefix);
  plans_made_ = encoders.plans_made;
  expect_prefix(dict_, options.prefix, encoders, detector_);
  if (has_named(encoders, options.prefix)) {
    choose(std::move(encoders), options.prefix);
  } else {
    without_encoder_ = foreign(dict_, index_, detector_);
  }
}

void Assessment::choose(FoundEncoders encoders, std::string_view prefix) {
  const std::vector<Contender> contenders = contenders_of(encoders);
  Choice choice = choose_model(dict_, contenders, prefix);
  if (!choice.taken) {
    Report report = ambiguous_report(choice, "encoders");
    report.notes = notes_on_others(index_, encoders.left_out, {});
    without_encoder_ =
        undecided(dict_, choice.found[choice.rivals.front()].family, std::move(report));
    return;
  }
  add_detectors(detector_, choice.found);
  notes_ = notes_on_others(index_, encoders.left_out, choice.found);
  Candidate& taken = encoders.candidates[*choice.taken];
  if (taken.placeholders.divided()) {
    Report report = placeholder_report(taken.placeholders);
    report.notes = std::move(notes_);
    report.candidates = std::move(choice.found);
    without_encoder_ = undecided(dict_, taken.found().family, std::move(report));
    return;
  }
  if (choice.found.size() > 1) {  // their tensors are leftovers, each with its model
    EncoderNames names = taken.names;
    tell_of_others(names, contenders, choice);
    if (detector_) names.others.push_back(names_of(*detector_));
    taken = reconcile_encoder(dict_, index_, std::move(names), hints_);
    ++plans_made_;
  }
  expect_hints_for(taken.model, hints_);
  add_explanation(taken.plan, taken.model, hints_);
  names_ = std::move(taken.names);
  candidates_ = std::move(choice.found);
  plans_[Use::Features] = {.model = std::move(taken.model), .plan = std::move(taken.plan)};
}

const Assessment::UsePlan& Assessment::plan_for(Use use) const {
  const std::lock_guard lock(mutex_);
  const auto found = plans_.find(use);
  if (found != plans_.end()) return found->second;
  UsePlan made;
  if (without_encoder_) {
    made.plan.report = without_encoder_->report;
  } else {
    made = make_plan(use);
  }
  return plans_[use] = std::move(made);
}

// Of Sapiens2 the encoder alone is supported.
Assessment::UsePlan Assessment::make_encoder_plan(Use use) const {
  UsePlan made = plans_.at(Use::Features);
  Report& report = made.plan.report;
  if (!is_usable(report.verdict)) return made;
  report.verdict = Verdict::Incomplete;
  report.required = report.bound = 0;  // how many there would be is not known
  Explanation explanation = explain_encoder_alone(use);
  report.explanation = std::move(explanation.text);
  report.hint = std::move(explanation.hint);
  return made;
}

// Reconstruction always uses the input size of training and ignores that of the options.
Assessment::UsePlan Assessment::make_plan(Use use) const {
  if (names_.scheme->family == Family::Sapiens2) return make_encoder_plan(use);
  ModelHints hints = hints_;
  hints.task = task_of(use);
  if (use == Use::Reconstruct) hints.input_size.reset();
  UsePlan made{.model = detect_model(OfferedShapes(dict_, index_, names_), hints)};
  std::vector<ParamSpec> params = encoder_params(made.model.encoder);
  std::vector<ParamSpec> more = params_beside_encoder(made.model, use);
  const std::size_t beside = more.size();
  std::ranges::move(more, std::back_inserter(params));
  made.plan = reconcile(dict_, index_, names_, std::move(params), made.model.positions);
  ++plans_made_;
  add_explanation(made.plan, made.model, hints_);
  if (use != Use::Reconstruct) {
    made.absence = head_absence(made.model, task_of(use));
  } else if (!made.model.decoder) {
    explain_no_decoder(made.model, beside, made.plan.report);
  }
  return made;
}

std::vector<UseVerdict> Assessment::verdicts() const {
  std::vector<UseVerdict> uses;
  for (const Use use : uses_of_encoders()) {
    const UsePlan& made = plan_for(use);
    const Report& report = made.plan.report;
    uses.push_back(
        use_verdict(use, report, made.absence.empty() ? report.explanation : made.absence));
  }
  return uses;
}

Inspection Assessment::inspection(Use use) const {
  if (without_encoder_) return *without_encoder_;
  const UsePlan& made = plan_for(use);
  const EncoderConfig& encoder = made.model.encoder;
  Inspection result{.file = file_info(dict_),
                    .model = model_info(made.model, made.plan.params),
                    .report = made.plan.report,
                    .uses = UseVerdicts([self = shared_from_this()] { return self->verdicts(); }),
                    .outputs = output_shapes(encoder, encoder.grid)};
  result.report.notes = model_notes(dict_, made.model);
  result.report.notes.insert(result.report.notes.end(), notes_.begin(), notes_.end());
  result.report.candidates = candidates_;
  return result;
}

Inspection Assessment::inspection() const {
  const bool no_encoder = without_encoder_ && without_encoder_->report.verdict == Verdict::Foreign;
  if (no_encoder && detector_) return inspect_detector(dict_, *detector_);
  return inspection(use_of(model().task));
}

int Assessment::plans_made() const {
  const std::lock_guard lock(mutex_);
  return plans_made_;
}

}  // namespace sapiens

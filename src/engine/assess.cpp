#include "engine/assess.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/shape.hpp"
#include "engine/choose_model.hpp"
#include "engine/explain.hpp"
#include "engine/found_encoders.hpp"
#include "engine/placeholders.hpp"
#include "engine/problems.hpp"
#include "engine/several_models.hpp"
#include "model/params.hpp"

namespace sapiens {
namespace {

ModelHints hints_of(const ModelOptions& options) {
  ModelHints detect{.arch = options.arch.empty() ? nullptr : &parse_arch(options.arch),
                    .task = options.task,
                    .heads = options.heads,
                    .decoder_heads = options.decoder_heads,
                    .grid = options.grid,
                    .input_size = options.input_size,
                    .patch_padding = options.patch_padding};
  const auto refuse = [](const char* key, const char* expected, std::string actual) {
    throw Error(ErrorCode::InvalidArgument, {.summary = "this value makes no sense",
                                             .key = key,
                                             .expected = expected,
                                             .actual = std::move(actual)});
  };
  const auto text = [](Grid grid) { return fmt::format("{}x{}", grid.height, grid.width); };
  constexpr Index kMaxSide = 1 << 14;  // pixels; 16384 x 16384 already makes a million tokens
  if (options.heads < 0) refuse("--heads", "a positive number", std::to_string(options.heads));
  if (options.decoder_heads < 0) {
    refuse("--decoder-heads", "a positive number", std::to_string(options.decoder_heads));
  }
  if (options.grid && (std::min(options.grid->height, options.grid->width) < 1 ||
                       std::max(options.grid->height, options.grid->width) > kMaxSide)) {
    refuse("--grid", "HxW, for example 64x48", text(*options.grid));
  }
  if (options.input_size &&
      (std::min(options.input_size->height, options.input_size->width) < kPatch ||
       std::max(options.input_size->height, options.input_size->width) > kMaxSide)) {
    refuse("--size", "HxW from 16 to 16384 pixels, for example 1024x768",
           text(*options.input_size));
  }
  if (options.patch_padding && *options.patch_padding != 0 && *options.patch_padding != 2) {
    refuse("--patch-padding", "0 or 2", std::to_string(*options.patch_padding));
  }
  return detect;
}

FileInfo file_info(const StateDict& dict) {
  FileInfo file{.path = dict.path,
                .format = std::string(format_name(dict.format)),
                .bytes = dict.file_bytes,
                .tensors = static_cast<Index>(dict.tensors.size()),
                .values = 0,
                .dtypes = {}};
  std::vector<std::string_view> dtypes;
  for (const TensorEntry& tensor : dict.tensors) {
    if (!tensor.unreadable) file.values += tensor.numel();
    const std::string_view dtype = tensor.type_name();
    if (std::ranges::find(dtypes, dtype) == dtypes.end()) dtypes.push_back(dtype);
  }
  for (const std::string_view dtype : dtypes) {
    if (!file.dtypes.empty()) file.dtypes += " and ";
    file.dtypes += dtype;
  }
  return file;
}

Index count_values(std::span<const ParamSpec> params) {
  Index values = 0;
  for (const ParamSpec& param : params) {
    if (std::ranges::find(param.shape, kAny) == param.shape.end())
      values += checked_numel(param.shape).value_or(0);
  }
  return values;
}

ModelInfo model_info(const DetectedModel& model, std::span<const ParamSpec> params) {
  const EncoderConfig& encoder = model.encoder;
  const bool own_head = model.head && model.head->task == model.task;
  return {.family = "sapiens",
          .arch = std::string(model.arch != nullptr ? model.arch->name : "custom"),
          .task = model.task,
          .width = encoder.width,
          .depth = encoder.depth,
          .heads = encoder.heads,
          .mlp_width = encoder.mlp_width,
          .cls_token = encoder.cls_token,
          .grid = encoder.grid,
          .patch_padding = encoder.patch_padding,
          .outputs = own_head && model.head->outputs > 0 ? model.head->outputs : 0,
          .parameters = count_values(params)};
}

std::vector<ParamSpec> with_params(std::vector<ParamSpec> params, std::vector<ParamSpec> more) {
  std::ranges::move(more, std::back_inserter(params));
  return params;
}

// The head that `task` needs: the file's own, or the published one so that its absence can be
// shown.
HeadConfig wanted_head(const DetectedModel& model, Task task) {
  if (model.head && model.head->task == task) return *model.head;
  return published_head(task, model.encoder.width);
}

// The same for the MAE decoder.
std::vector<ParamSpec> wanted_decoder(const DetectedModel& model) {
  return decoder_params(model.decoder.value_or(DecoderConfig{}), model.encoder.width);
}

// Why the file has no decoder; empty where it has one.
std::string decoder_absence(const DetectedModel& model) {
  if (model.decoder) return {};
  if (model.file_task != Task::Pretrain) return "only pretraining files hold the MAE decoder";
  return fmt::format(
      "the MAE decoder (neck.*, {} tensors as published) is not in this file; cleaned files never "
      "have it",
      wanted_decoder(model).size());
}

// Judges one use of the file at a time, each against its own list of parameters.
class UseJudge {
 public:
  UseJudge(const StateDict& dict, const Assessment& assessment, const ModelHints& options)
      : dict_(dict), assessment_(assessment), options_(options) {}

  std::vector<UseVerdict> run() const {
    std::vector<UseVerdict> uses;
    const Report& features = assessment_.encoder.report;
    uses.push_back(verdict("features", features, features.explanation));
    uses.push_back(reconstruct());
    for (const Task task : {Task::Pose, Task::Seg, Task::Depth, Task::Normal})
      uses.push_back(task_use(task));
    return uses;
  }

 private:
  static UseVerdict verdict(std::string_view use, const Report& report, std::string reason) {
    return {.use = std::string(use),
            .verdict = report.verdict,
            .required = report.required,
            .bound = report.bound,
            .reason = std::move(reason)};
  }

  // The model as it would be for `task`. Reconstruction has the size of training, whatever is
  // asked.
  DetectedModel detect_for(Task task) const {
    ModelHints options = options_;
    options.task = task;
    if (task == Task::Pretrain) options.input_size.reset();
    return detect_model(OfferedShapes(dict_, assessment_.index, assessment_.names), options);
  }

  // The encoder of `model` and `more` parameters; `absence` explains where the file lacks these
  // altogether.
  UseVerdict judge(std::string_view use, const DetectedModel& model, std::vector<ParamSpec> more,
                   const std::string& absence) const {
    const Plan plan =
        reconcile(dict_, assessment_.index, assessment_.names,
                  with_params(encoder_params(model.encoder), std::move(more)), model.positions);
    return verdict(use, plan.report,
                   absence.empty() ? explain(plan, model, options_).text : absence);
  }

  UseVerdict reconstruct() const {
    const DetectedModel model = detect_for(Task::Pretrain);
    return judge("reconstruct", model, wanted_decoder(model), decoder_absence(model));
  }

  UseVerdict task_use(Task task) const {
    const DetectedModel model = detect_for(task);
    std::string absence;
    if (!model.head) {
      absence = "no head in this file; it is what fine-tuning starts from";
    } else if (model.head->task != task) {
      absence = fmt::format("the head in this file is for {}", task_name(model.head->task));
    }
    return judge(task_name(task), model, head_params(wanted_head(model, task)), absence);
  }

  const StateDict& dict_;
  const Assessment& assessment_;
  const ModelHints& options_;
};

// Tensors of types that are not read, one line for all of them.
std::string unreadable_note(const StateDict& dict) {
  constexpr std::size_t kShownTypes = 4;
  Index count = 0;
  std::string first;
  std::set<std::string_view> types;
  for (const TensorEntry& tensor : dict.tensors) {
    if (!tensor.unreadable) continue;
    if (count++ == 0) first = tensor.path();
    types.insert(tensor.type_name());
  }
  if (count == 0) return {};
  std::string shown;
  std::size_t number = 0;
  for (const std::string_view type : types) {
    if (number++ == kShownTypes) {
      shown += ", ...";
      break;
    }
    shown += fmt::format("{}{}", shown.empty() ? "" : ", ", type);
  }
  return fmt::format("{} whose values are not read ({}), the first is {}", counted(count, "tensor"),
                     shown, first);
}

// What the file itself gives cause to say.
std::vector<std::string> file_notes(const StateDict& dict) {
  std::vector<std::string> notes;
  for (const auto& [key, value] : dict.metadata) {
    if (!key.ends_with("sapiens.random_weights")) continue;
    notes.push_back(fmt::format("RANDOM WEIGHTS: {}", value));
    break;
  }
  if (std::string note = unreadable_note(dict); !note.empty()) notes.push_back(std::move(note));
  std::ranges::copy(dict.notes, std::back_inserter(notes));
  if (dict.tensors.empty()) return notes;  // what is there instead explains the refusal
  for (const Unreached& unreached : dict.unreached) {
    notes.push_back(fmt::format("not read: {}", unreached.what));
  }
  return notes;
}

// Facts that belong to the outputs rather than to the loading.
std::vector<std::string> notes(const StateDict& dict, const DetectedModel& model) {
  std::vector<std::string> notes = file_notes(dict);
  notes.emplace_back(
      "avg_featmap passes through ln2, which no published file has: as in the original its weight "
      "is 1, its bias 0");
  if (model.encoder.heads == 0) {
    notes.push_back(fmt::format(
        "the number of heads of a width of {} cannot be seen in the weights; computing needs "
        "--heads N",
        model.encoder.width));
  }
  if (model.other_head) {
    notes.push_back(
        fmt::format("two heads on one encoder: that for {} is taken, --task {} takes the other",
                    task_name(model.file_task), task_name(*model.other_head)));
  }
  if (model.task == Task::Seg && model.head && model.head->outputs == 3) {
    notes.emplace_back(
        "a head with three outputs was taken as segmentation; without --task it counts as normals");
  } else if (model.file_task == Task::Normal && model.task == Task::Normal) {
    notes.emplace_back(
        "a head with three outputs was taken as surface normals; for a segmentation of three "
        "classes "
        "say --task seg");
  }
  return notes;
}

Assessment without_encoder(const StateDict& dict, NameIndex index) {
  Assessment result{.index = std::move(index),
                    .names = {},
                    .model = {},
                    .encoder = {},
                    .whole = {},
                    .inspection = {}};
  result.inspection.file = file_info(dict);
  return result;
}

// A file without an encoder, or one that is asked for its detector.
Assessment foreign(const StateDict& dict, NameIndex index, Subject subject,
                   std::optional<DetectorFile> detector) {
  Assessment result = without_encoder(dict, std::move(index));
  const Explanation explanation = explain_foreign(dict, result.index);
  Report& report = result.inspection.report;
  report.verdict = Verdict::Foreign;
  report.explanation = explanation.text;
  report.hint = explanation.hint;
  result.inspection.model.family = "foreign";
  result.encoder.report = result.whole.report = report;
  result.detector = std::move(detector);
  if (result.detector && (subject == Subject::Anything || subject == Subject::Detector)) {
    inspect_detector(*result.detector, result.inspection);
  } else if (result.detector) {
    explain_no_encoder(*result.detector, report);
  }
  std::ranges::move(file_notes(dict), std::back_inserter(report.notes));
  return result;
}

// A file whose encoder cannot be told, or has no values: `report` says why, for every use.
Assessment undecided(const StateDict& dict, NameIndex index, Report report) {
  Assessment result = without_encoder(dict, std::move(index));
  result.inspection.model.family = "sapiens";
  for (const std::string_view use : {"features", "reconstruct", "pose", "seg", "depth", "normal"}) {
    result.inspection.uses.push_back({.use = std::string(use),
                                      .verdict = report.verdict,
                                      .required = report.required,
                                      .bound = report.bound,
                                      .reason = report.explanation});
  }
  result.encoder.report = result.whole.report = report;
  result.inspection.report = std::move(report);
  return result;
}

// What is said of the file beside the encoder that is taken.
std::vector<std::string> notes_on_file(const NameIndex& index, std::size_t left_out,
                                       std::span<const FoundModel> found) {
  std::vector<std::string> notes;
  add_left_notes(found, notes);
  if (left_out > 0) {
    notes.push_back(
        fmt::format("{} more places with some of an encoder's names were not looked at; --prefix "
                    "names one",
                    left_out));
  }
  if (!index.collision().empty()) {
    notes.push_back(fmt::format(
        "{} would have one name without what wrappers insert: such parts of names were left in",
        index.collision()));
  }
  return notes;
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

void check_heads(const EncoderConfig& encoder) {
  if (encoder.heads == 0 || encoder.width % encoder.heads == 0) return;
  throw Error(ErrorCode::InvalidArgument,
              {.summary = "the number of heads does not divide the width",
               .key = "--heads",
               .expected = fmt::format("a divisor of {}", encoder.width),
               .actual = std::to_string(encoder.heads)});
}

void add_explanation(Plan& plan, const DetectedModel& model, const ModelHints& options) {
  Explanation explanation = explain(plan, model, options);
  plan.report.explanation = std::move(explanation.text);
  plan.report.hint = std::move(explanation.hint);
}

void explain_no_decoder(const DetectedModel& model, Report& report) {
  report.explanation = decoder_absence(model);
  report.hint =
      "take the file that training wrote, epoch_N.pth: the published name without `_clean`, as "
      "sapiens_0.3b_epoch_1600.pth; `sapiens inspect` tells whether a file has the decoder";
}

// A file whose encoder is decided.
Assessment with_encoder(const StateDict& dict, NameIndex index, Candidate taken,
                        const ModelHints& options, Subject subject) {
  check_heads(taken.model.encoder);
  Assessment result{.index = std::move(index),
                    .names = std::move(taken.names),
                    .model = std::move(taken.model),
                    .encoder = std::move(taken.plan),
                    .whole = {},
                    .inspection = {}};
  const DetectedModel& model = result.model;
  add_explanation(result.encoder, model, options);
  if (has_head(model.task)) {
    result.whole =
        reconcile(dict, result.index, result.names,
                  with_params(result.encoder.params, head_params(wanted_head(model, model.task))),
                  model.positions);
    add_explanation(result.whole, model, options);
  } else if (subject == Subject::Autoencoder) {
    result.whole =
        reconcile(dict, result.index, result.names,
                  with_params(result.encoder.params, wanted_decoder(model)), model.positions);
    add_explanation(result.whole, model, options);
    if (!model.decoder) explain_no_decoder(model, result.whole.report);
  } else {
    result.whole = result.encoder;
  }

  const Plan& main = subject == Subject::Encoder ? result.encoder : result.whole;
  result.inspection = {.file = file_info(dict),
                       .model = model_info(model, main.params),
                       .report = main.report,
                       .uses = UseJudge(dict, result, options).run(),
                       .outputs = output_shapes(model.encoder, model.encoder.grid)};
  result.inspection.report.notes = notes(dict, model);
  return result;
}

}  // namespace

OutputShapes output_shapes(const EncoderConfig& encoder, Grid grid) {
  if (grid.patches() == 0) return {};
  OutputShapes shapes{.featmap = {encoder.width, grid.height, grid.width},
                      .raw = {encoder.extra_tokens() + grid.patches(), encoder.width},
                      .cls_token = {},
                      .avg_featmap = {encoder.width}};
  if (encoder.cls_token) shapes.cls_token = {encoder.width};
  return shapes;
}

Assessment assess(const StateDict& dict, const ModelOptions& options, Subject subject) {
  const ModelHints detect = hints_of(options);
  NameIndex index(dict);
  std::optional<DetectorFile> detector = find_detector(dict, index, options.prefix);
  if (subject == Subject::Detector)
    return foreign(dict, std::move(index), subject, std::move(detector));
  FoundEncoders encoders = find_all_encoders(dict, index, detect, options.prefix);
  expect_prefix(dict, options.prefix, encoders, detector);
  if (!has_named(encoders, options.prefix))
    return foreign(dict, std::move(index), subject, std::move(detector));

  const std::vector<Contender> contenders = contenders_of(encoders);
  Choice choice = choose_model(dict, contenders, options.prefix);
  add_detectors(detector, choice.found);
  std::vector<std::string> more_notes = notes_on_file(index, encoders.left_out, choice.found);
  if (!choice.taken) {
    return undecided(dict, std::move(index), ambiguous_report(std::move(choice.found), "encoders"));
  }
  Candidate& taken = encoders.candidates[*choice.taken];
  if (taken.placeholders.divided()) {
    Report report = placeholder_report(taken.placeholders);
    report.notes = std::move(more_notes);
    report.candidates = std::move(choice.found);
    return undecided(dict, std::move(index), std::move(report));
  }
  if (choice.found.size() > 1) {
    EncoderNames names = taken.names;
    tell_of_others(names, contenders, choice);
    if (detector) names.others.push_back(names_of(*detector));
    taken = reconcile_encoder(dict, index, std::move(names), detect);
  }
  Assessment result = with_encoder(dict, std::move(index), std::move(taken), detect, subject);
  Report& report = result.inspection.report;
  std::ranges::move(more_notes, std::back_inserter(report.notes));
  report.candidates = std::move(choice.found);
  return result;
}

}  // namespace sapiens

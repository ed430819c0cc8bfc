#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "cli/eval/eval.hpp"
#include "cli/terminal/text.hpp"

namespace sapiens::cli {
namespace {

ModelInfo inspect_model(const EvalOptions& options) {
  const auto inspection = Checkpoint::open(options.run.checkpoint).inspect(options.run.model);
  const std::string& task = inspection.model.task;
  const std::vector<std::string> known = {"pose", "seg", "depth", "normal"};
  if (std::ranges::count(known, task) > 0) return inspection.model;
  throw Error(ErrorCode::CheckpointRefused,
              {.summary = "this checkpoint has no results that could be evaluated",
               .file = options.run.checkpoint,
               .expected = "a head for pose, seg, depth or normal",
               .actual = model_text(inspection.model)});
}

/// The layout that a model's points are converted to, so that they are those of the annotations;
/// empty where they are already.
std::string layout_for(Index annotated, Index outputs) {
  // A file with a head of no outputs is refused later.
  if (annotated == outputs || outputs == 0) return "";
  if (annotated == 17) return "coco17";
  if (annotated == 133) return "coco133";
  throw Error(ErrorCode::InvalidArgument,
              {.summary = "the annotations have other keypoints than the model",
               .expected = fmt::format("{} keypoints, or 17 or 133, to which points are converted "
                                       "by their names",
                                       outputs),
               .actual = fmt::format("{} keypoints", annotated)});
}

EvalPlan plan_pose(EvalOptions options, Index outputs) {
  Annotations annotations = read_annotations(options);
  options.run.keypoints = layout_for(annotations.keypoints, outputs);
  if (options.boxes != "gt") options.run.boxes_file = options.boxes;
  options.run.person_category = found_category(options);
  const Index keypoints = annotations.keypoints;
  Json files = {{"annotations", annotations.tally.json()}};
  EvalSet set = pose_set(options, std::move(annotations));
  return {std::move(options), std::move(set), keypoints, std::move(files)};
}

EvalPlan plan_dense(EvalOptions options, const std::string& task) {
  if (options.data.empty()) {
    throw Error(ErrorCode::InvalidArgument,
                {.summary = fmt::format("nothing tells what is true for {}", task),
                 .key = "--data",
                 .hint = "name a folder with --data"});
  }
  if (options.category.chosen) {
    throw Error(ErrorCode::InvalidArgument,
                {.summary = fmt::format("persons play no part in {}", task),
                 .key = "--person-category",
                 .hint = "leave it out"});
  }
  if (!options.run.detector.empty() || options.boxes != "gt") {
    say(fmt::format("warning: --detector and --boxes play no part in {}", task));
  }
  options.run.detector.clear();
  EvalSet set = dense_set(options, task);
  for (const std::string& line : left_out_lines(set.left_out)) say(line);
  Json files = {{"images", {{"left_out", left_out_json(set.left_out)}}}};
  return {std::move(options), std::move(set), 0, std::move(files)};
}

}  // namespace

void warn_of(const CocoTally& tally) {
  for (const std::string& line : tally.lines()) say("warning: " + line);
}

Annotations read_annotations(const EvalOptions& options) {
  Annotations annotations = Annotations::read(annotations_path(options), options.category);
  warn_of(annotations.tally);
  return annotations;
}

PersonCategory found_category(const EvalOptions& options) {
  PersonCategory category = options.category;
  if (options.found_category.chosen) category = options.found_category;
  category.option = "--found-category";
  return category;
}

EvalPlan make_eval_plan(EvalOptions options) {
  const ModelInfo model = inspect_model(options);
  TaskOptions& run = options.run;
  run.command = model.task;
  run.tasks = {{model.task, run.checkpoint}};
  run.mask = "none";
  if (run.preprocess == PreprocessMode::Lite) run.flip_test = false;  // as `sapiens pose` does
  return model.task == "pose" ? plan_pose(std::move(options), model.outputs)
                              : plan_dense(std::move(options), model.task);
}

}  // namespace sapiens::cli

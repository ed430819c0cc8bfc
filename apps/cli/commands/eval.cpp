#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <sapiens/printable.hpp>
#include <utility>

#include "cli/commands/commands.hpp"
#include "cli/eval/dense.hpp"
#include "cli/eval/plan.hpp"
#include "cli/eval/pose.hpp"
#include "cli/eval/report.hpp"
#include "cli/eval/run.hpp"
#include "cli/input/json_file.hpp"
#include "cli/input/predictions.hpp"
#include "cli/options/checkpoint_option.hpp"
#include "cli/options/number_range.hpp"
#include "cli/options/task_flags.hpp"
#include "cli/options/value_types.hpp"
#include "cli/run/manifest.hpp"
#include "cli/terminal/exit_codes.hpp"
#include "cli/terminal/text.hpp"

namespace sapiens::cli {
namespace {

constexpr const char* kUnwritable = "the evaluation cannot be written";

[[noreturn]] void throw_usage(const std::string& key, const std::string& summary,
                              const std::string& hint) {
  throw Error(ErrorCode::InvalidArgument, {.summary = summary, .key = key, .hint = hint});
}

void expect_inputs(const EvalOptions& options) {
  if (options.run.checkpoint.empty() == options.detections.empty()) {
    throw_usage("CKPT, --detections", "exactly one thing can be evaluated",
                "name a checkpoint, or a file with --detections");
  }
  if (options.data.empty() && options.annotations.empty()) {
    throw_usage("--data, --annotations", "nothing tells what is true",
                "name a folder with --data, or a COCO file with --annotations");
  }
  if (options.found_category.chosen && options.detections.empty() && options.boxes == "gt") {
    throw_usage("--found-category", "no file of boxes or persons is read",
                "name one with --boxes or --detections, or choose --person-category");
  }
  if (options.detections.empty() && options.data.empty() && options.images.empty()) {
    throw_usage("--images", "nothing tells where the annotated images are",
                "add --images DIR, or --data DIR");
  }
}

std::string boxes_text(const EvalOptions& options) {
  if (!options.run.detector.empty()) return "found by " + options.run.detector;
  if (options.boxes != "gt") return "in the boxes of " + options.boxes;
  return "in their true boxes (top-down: the faults of a detector are not counted)";
}

std::string truth_text(const EvalOptions& options, Task task) {
  return task == Task::Pose ? annotations_path(options).string() : options.data;
}

std::vector<InputFile> images_of(const EvalSet& set) {
  std::vector<InputFile> images;
  for (const EvalImage& image : set.images) images.push_back(image.input);
  return images;
}

std::unique_ptr<Measure> make_measure(const EvalPlan& plan, TaskModels& models) {
  if (plan.keypoints == 0) {
    return dense_measure(plan.options.run.tasks.front().task, models.all().front().outputs(),
                         models.classes());
  }
  return std::make_unique<PoseMeasure>(PoseMeasure::Settings{.keypoints = plan.keypoints,
                                                             .set = models.keypoints(),
                                                             .pck = plan.options.pck,
                                                             .true_boxes = plan.true_boxes()});
}

Json settings_json(const EvalPlan& plan, const TaskModels& models) {
  const TaskOptions& run = plan.options.run;
  Json settings = models.settings(run, run.tasks.front());
  if (plan.true_boxes()) settings["boxes"] = "as they are annotated";
  return settings;
}

/// With what became of the boxes that persons were looked for in.
Scores scores_of(const Measure& measure, const EvalCounts& counts, const EvalPlan& plan) {
  Scores scores = measure.scores();
  if (plan.keypoints == 0) {
    scores.left_out["files_of_ground_truth_without_an_image"] = plan.set.without_image;
  }
  if (plan.true_boxes())
    scores.counted["true_boxes_outside_of_their_image"] = counts.true_boxes_outside;
  if (plan.options.run.boxes_file.empty()) return scores;
  scores.left_out["boxes_outside_of_their_image"] = counts.boxes_outside;
  scores.left_out["images_without_an_entry_in_boxes"] = counts.unlisted;
  return scores;
}

EvalReport evaluate_model(const EvalOptions& given, Session& session) {
  const EvalPlan plan = make_eval_plan(given);
  const TaskOptions& run = plan.options.run;
  std::optional<PersonBoxes> boxes;
  Json files = plan.files;
  if (!run.boxes_file.empty()) {
    boxes = PersonBoxes::read(run.boxes_file, images_of(plan.set), run.person_category);
    files["boxes"] = boxes->tally().json();
    warn_of(boxes->tally());
  }
  TaskModels models(run);
  const std::unique_ptr<Measure> measure = make_measure(plan, models);

  session.interrupts.set_exit_message({}, session.json);
  Meter meter("eval", std::ssize(plan.set.images), stderr_is_terminal());
  const Json no_meta;
  const TaskContext context{models, run, boxes, no_meta, session.interrupts, meter};
  const EvalCounts counts = run_eval(context, plan.set.images, plan.true_boxes(), *measure);
  return {.task = run.tasks.front().task,
          .what = checkpoint_text(run.checkpoint, models.all().front().inspection()),
          .settings = settings_json(plan, models),
          .truth = truth_text(plan.options, run.tasks.front().task),
          .boxes = plan.keypoints > 0 ? boxes_text(plan.options) : "",
          .images = counts.compared,
          .without_truth = plan.set.without_truth + counts.nothing_to_compare,
          .failed = counts.failed,
          .files = std::move(files),
          .scores = scores_of(*measure, counts, plan)};
}

EvalReport evaluate_detections(const EvalOptions& options) {
  if (options.run.model.task.value_or(Task::Pose) != Task::Pose) {
    throw_usage("--detections", "found persons are for pose alone", "leave out --task");
  }
  Annotations annotations = read_annotations(options);
  const Predictions found =
      Predictions::read(options.detections, annotations, found_category(options));
  warn_of(found.tally);
  Json files = {{"annotations", annotations.tally.json()}, {"detections", found.tally.json()}};
  PoseMeasure measure({.keypoints = annotations.keypoints,
                       .set = find_keypoint_set(annotations.keypoints),
                       .pck = options.pck,
                       .true_boxes = false});
  const EvalSet set = pose_set(options, std::move(annotations));
  for (const EvalImage& image : set.images) {
    const auto persons = found.by_image.find(image.id);
    measure.add(image,
                persons == found.by_image.end() ? std::vector<PredictedPerson>{} : persons->second);
  }
  return {.task = Task::Pose,
          .what = options.detections,
          .settings = {{"detections", file_json(options.detections)}},
          .truth = truth_text(options, Task::Pose),
          .boxes = "as they were found",
          .images = std::ssize(set.images),
          .files = std::move(files),
          .scores = measure.scores()};
}

void run(const EvalOptions& options, Session& session) {
  expect_inputs(options);
  if (!options.output.empty()) expect_json_writable(options.output, kUnwritable);
  const EvalReport report =
      options.detections.empty() ? evaluate_model(options, session) : evaluate_detections(options);
  if (report.images == 0) {
    throw Error(ErrorCode::InvalidArgument,
                {.summary = "no image could be compared",
                 .actual = fmt::format("{} failed, {} have nothing to compare", report.failed,
                                       report.without_truth)});
  }
  const Json json = report_json(report);
  const auto no_interruption = session.interrupts.hold();
  if (!options.output.empty()) write_json(options.output, json, kUnwritable);
  if (session.json) {
    print_json(json);
  } else {
    print(report_text(report));
  }
  session.exit_code = report.failed > 0 ? kSomeFailed : kDone;
}

void add_pose_eval_options(CLI::App& app, EvalOptions& options) {
  app.add_option("--annotations", options.annotations,
                 "Pose: COCO file of persons; by default annotations.json of --data")
      ->type_name(kFileType);
  app.add_option("--images", options.images, "Folder of the images; by default --data")
      ->type_name(kFolderType);
  CLI::Option* detections =
      app.add_option("--detections", options.detections,
                     "Pose: evaluate these, without a model: a list of results as COCO takes it, "
                     "or what `sapiens pose --coco` wrote")
          ->type_name(kFileType);
  CLI::Option* boxes =
      app.add_option("--boxes", options.boxes,
                     "Pose: where to look for persons: `gt`, where they are annotated, or a file "
                     "as `sapiens pose --boxes` takes it")
          ->type_name("gt|FILE")
          ->excludes(detections)
          ->capture_default_str();
  add_detector_options(app, options.run.detector, options.run.detect,
                       "Pose: checkpoint of a person detector that finds them")
      ->excludes(boxes)
      ->excludes(detections);
  add_person_category_option(app, "--person-category", options.category,
                             "Pose: which category_id of --annotations persons have");
  add_person_category_option(app, "--found-category", options.found_category,
                             "Pose: likewise of --detections or --boxes, where it is another");
  add_flip_test_flag(app, options.run);
  app.add_option("--pck", options.pck,
                 "Pose: how near is right, as a share of the longer side of a person's box")
      ->check(number_between(0.001, 10.0))
      ->capture_default_str();
}

}  // namespace

void add_eval_command(CLI::App& app, Session& session) {
  auto options = std::make_shared<EvalOptions>();
  CLI::App* eval = app.add_subcommand(
      "eval", "Measure how good pose, segmentation, depth or normals are on annotated images");
  takes_checkpoint(eval->add_option("CKPT", options->run.checkpoint,
                                    "Checkpoint, unless there are --detections"));
  eval->add_option("--data", options->data,
                   "Folder of images with, beside photo.png, photo_seg.png, photo_depth.npy or "
                   "photo_normal.npy; for pose with annotations.json")
      ->type_name(kFolderType);
  add_pose_eval_options(*eval, *options);
  eval->add_option("--limit", options->limit, "Only the first so many images; 0: all")
      ->check(CLI::Range(Index{0}, Index{1'000'000'000}));
  eval->add_option("-o,--output", options->output, "Also write what --json prints to this file")
      ->type_name(kFileType);
  add_task_run_options(*eval, options->run);
  add_network_options(*eval, options->run);
  add_checkpoint_options(*eval, options->run);
  add_json_flag(*eval, session);
  eval->footer(
      "docs/eval.md tells how the numbers are computed.\n\n"
      "Example:\n"
      "  sapiens eval seg.pth --data held_out/\n"
      "  sapiens eval pose.pth --annotations person_keypoints_val2017.json --images val2017/\n"
      "  sapiens eval --detections results.json --annotations person_keypoints_val2017.json");
  eval->callback([options, &session] { run(*options, session); });
}

}  // namespace sapiens::cli

#include "cli/eval/eval.hpp"

#include <fmt/format.h>

#include <memory>

#include "cli/commands/commands.hpp"
#include "cli/input/json_file.hpp"
#include "cli/terminal/messages.hpp"

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

void run(const EvalOptions& options, Session& session) {
  expect_inputs(options);
  if (!options.output.empty()) expect_json_writable(options.output, kUnwritable);
  const EvalReport report =
      options.detections.empty() ? evaluate_model(options, session) : evaluate_detections(options);
  if (report.images == 0) {
    throw Error(report.memory_ran_out ? ErrorCode::OutOfResources : ErrorCode::InvalidArgument,
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
  session.exit_code = exit_code_of_failures(report.failed, report.memory_ran_out);
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
  add_number(app, "--pck", options.pck, {0.001, 10.0},
             "Pose: how near is right, as a share of the longer side of a person's box");
}

}  // namespace

void add_eval_command(CLI::App& app, Session& session) {
  auto options = std::make_shared<EvalOptions>();
  CLI::App* eval = app.add_subcommand(
      "eval", "Measure the accuracy of pose, segmentation, depth or normals on annotated images");
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

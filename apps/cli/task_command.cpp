#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <sapiens/tasks.hpp>

#include "commands.hpp"
#include "jobs.hpp"
#include "jobs_summary.hpp"
#include "messages.hpp"
#include "meter.hpp"
#include "outputs.hpp"
#include "stopwatch.hpp"
#include "task_run.hpp"
#include "task_settings.hpp"
#include "text.hpp"

namespace sapiens::cli {
namespace {

namespace fs = std::filesystem;

struct TaskCommand {
  const char* name;
  const char* help;
  const char* viz_help;
  const char* footer;
};

constexpr TaskCommand kPose = {
    "pose", "Find the key points of persons, as .json",
    "Also draw the persons' key points and links into each picture, as .png",
    "Without boxes one person is taken to fill the picture.\n"
    "Example:\n"
    "  sapiens pose sapiens_0.3b_coco_wholebody.pth photos/ --output out --viz\n"
    "  sapiens pose model.pth photo.jpg --box 120,40,200,410 --output out\n"
    "  sapiens pose model.pth photos/ --boxes boxes.json --output out"};
constexpr TaskCommand kSeg = {
    "seg", "Tell the body part of every pixel, as .npy",
    "Also draw the classes beside each picture, as .png",
    "photo.jpg becomes photo.npy, true on the person, and photo_seg.npy, the class ids.\n"
    "Example:\n  sapiens seg sapiens_0.3b_goliath.pth photos/ --output out --viz"};
constexpr TaskCommand kDepth = {
    "depth", "Estimate the relative depth of every pixel, as .npy",
    "Also draw the depth beside each picture, as .png",
    "Example:\n"
    "  sapiens depth model.pth photos/ --output depth\n"
    "  sapiens depth model.pth photos/ --output depth --viz --mask out-of-sapiens-seg"};
constexpr TaskCommand kNormal = {
    "normal", "Estimate the surface normal of every pixel, as .npy",
    "Also draw the normals beside each picture, as .png",
    "Example:\n"
    "  sapiens normal model.pth photos/ --output normals\n"
    "  sapiens normal model.pth photos/ --output normals --viz --mask out-of-sapiens-seg"};

/// Heads of the same shape may be for another task: normals, or a segmentation into three classes.
bool fits(const Inspection& inspection, const std::string& task) {
  return std::any_of(inspection.uses.begin(), inspection.uses.end(), [&](const UseVerdict& use) {
    return use.use == task && is_usable(use.verdict);
  });
}

/// Before gigabytes of the wrong weights are loaded.
void expect_task(const Checkpoint& checkpoint, const TaskOptions& options) {
  const Inspection inspection = checkpoint.inspect(options.model);
  const std::string& task = inspection.model.task;
  const bool is_other_task = task != options.task && inspection.model.outputs > 0;
  if (!is_other_task || !is_usable(inspection.report.verdict)) return;
  throw Error(
      ErrorCode::CheckpointRefused,
      {.summary = fmt::format("this is a checkpoint for {}, not for {}", task, options.task),
       .file = options.checkpoint,
       .expected = fmt::format("a checkpoint with a head for {}", options.task),
       .actual = model_text(inspection.model),
       .hint = fmt::format("use `sapiens {}`", task) +
               (fits(inspection, options.task)
                    ? fmt::format("; if you know that its head is for {0}, add `--task {0}`",
                                  options.task)
                    : "")});
}

std::vector<Job> make_jobs(const TaskOptions& options, const std::vector<InputFile>& files) {
  const std::vector<fs::path> stems = plan_stems(options, files);
  std::vector<Job> jobs;
  for (std::size_t i = 0; i < files.size(); ++i) {
    Job job{.input = files[i]};
    for (const TaskFile& file : task_outputs(options.task).files) {
      job.files.push_back(fs::path(stems[i]) += file.suffix);
    }
    if (options.viz) job.picture = fs::path(stems[i]) += ".png";
    jobs.push_back(std::move(job));
  }
  return jobs;
}

std::vector<Json> labels_of(const TaskOutputs& outputs) {
  std::vector<Json> labels;
  for (const TaskFile& file : outputs.files) labels.push_back({{"holds", file.holds}});
  return labels;
}

void run(const TaskOptions& options, Session& session) {
  const Inputs inputs = find_inputs(options, false);
  std::optional<PersonBoxes> boxes;
  if (!options.boxes_file.empty()) boxes = PersonBoxes::read(options.boxes_file);
  if (!options.mask.empty() && !options.viz) say("--mask is about --viz: results are not masked");
  prepare_output_folder(options.output);

  const Checkpoint checkpoint = Checkpoint::open(options.checkpoint);
  expect_task(checkpoint, options);
  TaskModel model(checkpoint, options.model, with_load_meter(options.engine));
  say(checkpoint_text(options.checkpoint, model.inspection()));
  const Json settings = task_settings(options, model);
  const JobPlan plan = plan_jobs(options, options.task, settings, make_jobs(options, inputs.files));
  start_plan(plan);

  session.interrupts.set_farewell(kResumeHint, session.json);
  const Stopwatch watch;
  std::vector<JobResult> results;
  {
    Meter meter(options.task, static_cast<Index>(plan.jobs.size()), stderr_is_terminal());
    results = run_task({model, options, boxes, settings, session.interrupts, meter}, plan.jobs);
  }
  const TaskOutputs outputs = task_outputs(options.task);
  const JobsSummary summary{.options = options,
                            .plan = plan,
                            .labels = labels_of(outputs),
                            .what = outputs.what,
                            .type = outputs.type,
                            .results = results,
                            .not_found = inputs.failed,
                            .stats = model.stats(),
                            .seconds = watch.seconds()};
  report(summary, session);
}

void add_pose_options(CLI::App& app, TaskOptions& options) {
  CLI::Option* box =
      app.add_option_function<std::vector<std::string>>(
             "--box",
             [&options](const std::vector<std::string>& texts) {
               for (const std::string& text : texts) {
                 const std::optional<Box> parsed = parse_box(text);
                 if (!parsed) {
                   throw CLI::ValidationError("--box", "`" + text + "` is not X,Y,WIDTH,HEIGHT");
                 }
                 options.boxes.push_back(*parsed);
               }
             },
             "A person in every picture, in pixels; give it once per person")
          ->type_name("X,Y,W,H")
          ->allow_extra_args(false);
  app.add_option("--boxes", options.boxes_file,
                 "COCO-style JSON with the persons of each picture: a list of {file_name or "
                 "image_id, bbox: [x, y, w, h], score}, or {images, annotations}")
      ->excludes(box);
  app.add_flag("!--no-flip-test", options.flip_test,
               "Do not average with the mirrored picture: twice as fast, a little less exact");
}

void add_task_command(CLI::App& app, Session& session, const TaskCommand& command) {
  auto options = std::make_shared<TaskOptions>();
  options->task = command.name;
  CLI::App* task = app.add_subcommand(command.name, command.help);
  add_job_options(*task, *options,
                  "Pictures, folders, .txt lists, or - for a list on standard input",
                  command.viz_help);
  const bool can_mask = options->task == "depth" || options->task == "normal";
  if (options->task == "pose") add_pose_options(*task, *options);
  if (can_mask) {
    task->add_option("--mask", options->mask,
                     "Folder with the bool .npy masks of `sapiens seg`: draw only what is under "
                     "them");
  }
  add_network_options(*task, *options);
  add_json_flag(*task, session);
  task->footer(command.footer);
  task->callback([options, &session] { run(*options, session); });
}

}  // namespace

void add_task_commands(CLI::App& app, Session& session) {
  for (const TaskCommand& command : {kPose, kSeg, kDepth, kNormal}) {
    add_task_command(app, session, command);
  }
}

}  // namespace sapiens::cli

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <memory>
#include <optional>
#include <sapiens/printable.hpp>
#include <sapiens/tasks.hpp>
#include <system_error>
#include <utility>

#include "cli/commands/commands.hpp"
#include "cli/run/frames.hpp"
#include "cli/run/jobs.hpp"
#include "cli/run/used_files.hpp"

namespace sapiens::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kInputsHelp =
    "Images, videos, folders, tar or zip archives, camera:0 and so on, .txt lists, or - for a list "
    "on standard input";

void write_coco_of(const TaskOptions& options, const JobPlan& plan, const Json& meta,
                   Interrupts& interrupts) {
  std::vector<const Job*> jobs;
  for (const std::vector<Job>* list : {&plan.finished, &plan.jobs}) {
    for (const Job& job : *list) {
      if (!job.input.video) jobs.push_back(&job);
    }
  }
  std::sort(jobs.begin(), jobs.end(), [](const Job* a, const Job* b) { return a->name < b->name; });
  const auto no_interruption = interrupts.hold();
  // The folder that `run` writes keypoints to is not there if it could read no image. The one that
  // holds it is not made again, as then the output folder itself was removed.
  std::error_code is_there;
  fs::create_directory(coco_path(options).parent_path(), is_there);
  const Index documents = write_coco(coco_path(options), jobs, meta);
  const std::string which = documents == std::ssize(jobs)
                                ? fmt::format("all {} images", documents)
                                : fmt::format("{} of {} images", documents, jobs.size());
  say(fmt::format("the persons of {} are in {}", which, printable(coco_path(options).string())));
}

std::vector<InputFile> images_of(const Inputs& inputs) {
  std::vector<InputFile> images;
  std::ranges::copy_if(inputs.files, std::back_inserter(images),
                       [](const InputFile& input) { return !input.video; });
  return images;
}

/// What became of the boxes of --boxes and --box.
Findings findings(const std::optional<PersonBoxes>& boxes, std::span<const JobResult> results) {
  Index outside = 0, unlisted = 0;
  for (const JobResult& result : results) {
    outside += result.details.value("boxes_outside", Index{0});
    unlisted += result.details.contains("no_entry_in_boxes");
  }
  Findings found;
  if (outside > 0) found.totals["boxes_outside"] = outside;
  if (!boxes) {
    if (outside > 0) found.line = fmt::format("{} boxes were outside of their image", outside);
    return found;
  }
  const CocoTally& tally = boxes->tally();
  found.totals["boxes_file"] = tally.json();
  found.totals["images_without_an_entry"] = unlisted;
  found.line = fmt::format("{}: {} of {} entries are boxes of persons in these images",
                           printable(tally.file().string()), tally.used(), tally.entries());
  if (outside > 0) found.line += fmt::format(", {} outside of their image", outside);
  if (unlisted > 0) found.line += fmt::format("; {} images have no entry", unlisted);
  return found;
}

void run(TaskOptions options, Session& session) {
  resolve_task_options(options);
  const Inputs inputs = find_inputs(
      options,
      {.videos = true, .folders_are_videos = options.video.folder_rate > 0, .archives = true});
  UsedFiles files = files_of(options);
  std::optional<PersonBoxes> boxes;
  if (!options.boxes_file.empty()) {
    boxes = PersonBoxes::read(options.boxes_file, images_of(inputs), options.person_category);
    for (const std::string& line : boxes->tally().lines()) say("warning: " + line);
  }
  prepare_output_folder(options.output);

  TaskModels models(options, std::move(files));
  const std::vector<fs::path> more_files =
      options.coco ? std::vector{coco_path(options)} : std::vector<fs::path>{};
  JobPlan plan = plan_jobs(options, options.command(), models.settings(options), models.files(),
                           inputs, make_task_jobs(options, inputs.files), more_files);
  if (boxes) plan.manifest.boxes_file = boxes->tally().json();
  start_plan(plan, session);

  const Json meta = models.pose_meta(options);
  const Stopwatch watch;
  const std::vector<JobResult> results =
      run_tasks(models, options, boxes, meta, session.interrupts, plan.jobs);
  if (options.coco) {
    write_coco_of(options, plan, meta, session.interrupts);
  } else if (std::error_code none; fs::exists(coco_path(options), none)) {
    say(fmt::format("{} is of an earlier run; --coco writes it anew",
                    printable(coco_path(options).string())));
  }
  const TaskFile& first = *task_files(options).front();
  report({.plan = plan,
          .what = std::string(first.holds),
          .type = std::string(first.type),
          .results = results,
          .stats = models.stats(),
          .seconds = watch.seconds(),
          .findings = findings(boxes, results)},
         session);
}

void add_task_command(CLI::App& app, Session& session, const TaskOutput& output) {
  auto options = std::make_shared<TaskOptions>();
  options->only = output.task;
  CLI::App* task = app.add_subcommand(options->command(), output.help.command);
  add_checkpoint_argument(*task, *options);
  add_job_options(*task, *options, kInputsHelp, output.help.viz);
  if (output.task == Task::Pose) add_pose_options(*task, *options);
  if (output.task == Task::Seg) add_seg_options(*task, *options);
  if (output.is_masked) add_mask_options(*task, *options);
  const std::vector<std::string> formats = task_formats(output.task);
  if (!formats.empty()) add_format_option(*task, *options, formats);
  add_video_options(*task, options->video);
  add_task_run_options(*task, *options);
  add_network_options(*task, *options);
  add_checkpoint_options(*task, *options);
  add_json_flag(*task, session);
  task->footer(output.help.footer);
  task->callback([options, &session] { run(*options, session); });
}

void set_prefixes(const std::vector<std::string>& given, std::vector<TaskCheckpoint>& tasks) {
  std::vector<std::string> labels;
  for (const TaskCheckpoint& task : tasks) labels.emplace_back(task_name(task.task));
  const std::vector<std::string> prefixes = prefixes_of(given, labels);
  for (std::size_t i = 0; i < tasks.size(); ++i) tasks[i].prefix = prefixes[i];
}

}  // namespace

void add_task_commands(CLI::App& app, Session& session) {
  for (const TaskInfo& info : head_tasks()) add_task_command(app, session, output_of(info.task));
}

void add_run_command(CLI::App& app, Session& session) {
  auto options = std::make_shared<TaskOptions>();
  auto prefixes = std::make_shared<std::vector<std::string>>();
  CLI::App* run_all = app.add_subcommand(
      "run", "Run several tasks on each image, which is read once; they share boxes and masks");
  add_job_options(*run_all, *options, kInputsHelp,
                  "Also draw every result, as .png; depth and normals under the masks of --seg");
  for (const TaskInfo& info : head_tasks()) {
    const Task task = info.task;
    const std::string name(task_name(task));
    takes_checkpoint(run_all->add_option_function<std::string>(
        "--" + name,
        [options, task](const std::string& path) {
          options->tasks.push_back({task, path});
        },
        fmt::format("Checkpoint for {}; results go to OUTPUT/{}", name, name)));
  }
  add_labelled_prefix_option(*run_all, *prefixes, "TASK");
  add_pose_options(*run_all, *options);
  add_seg_options(*run_all, *options);
  add_mask_options(*run_all, *options);
  add_format_option(*run_all, *options, task_formats());
  add_video_options(*run_all, options->video);
  add_task_run_options(*run_all, *options);
  add_network_options(*run_all, *options);
  add_json_flag(*run_all, session);
  run_all->get_option("--seg-checkpoint")->excludes(run_all->get_option("--seg"));
  run_all->footer(
      "Example:\n"
      "  sapiens run photos/ --output out --viz --pose pose.pth --seg seg.pth --depth depth.pth "
      "\\\n"
      "      --normal normal.pth --detector rtmdet.pth");
  run_all->callback([options, prefixes, &session] {
    set_prefixes(*prefixes, options->tasks);
    run(*options, session);
  });
}

}  // namespace sapiens::cli

#include "jobs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <memory>
#include <set>

#include "meter.hpp"
#include "options.hpp"
#include "outputs.hpp"
#include "stopwatch.hpp"
#include "text.hpp"

namespace sapiens::cli {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> files_of(const Job& job) {
  std::vector<fs::path> files = job.files;
  if (!job.picture.empty()) files.push_back(job.picture);
  return files;
}

/// True for a file made after `input` was last changed.
bool is_newer(const fs::path& file, const fs::path& input) {
  std::error_code no_file, no_input;
  const auto made = fs::last_write_time(file, no_file);
  const auto changed = fs::last_write_time(input, no_input);
  return !no_file && !no_input && made >= changed;
}

/// Files appear whole or not at all, so one that exists is finished.
bool is_finished(const Job& job, const std::string& key, const Manifest& earlier) {
  const auto before = earlier.inputs.find(key);
  if (before == earlier.inputs.end() || before->second != absolute_text(job.input.path)) {
    return false;
  }
  const std::vector<fs::path> files = files_of(job);
  return std::all_of(files.begin(), files.end(),
                     [&](const fs::path& file) { return is_newer(file, job.input.path); });
}

void expect_files_of_their_own(std::span<const Job> jobs) {
  std::vector<InputFile> inputs;
  std::vector<fs::path> outputs;
  std::set<fs::path> seen;
  for (const Job& job : jobs) {
    inputs.push_back(job.input);
    for (const fs::path& file : files_of(job)) {
      outputs.push_back(file);
      if (seen.insert(file).second) continue;
      throw Error(ErrorCode::InvalidArgument,
                  {.summary = "two inputs would be written to the same file",
                   .file = file.string(),
                   .hint = "rename one of the inputs, or write them to two folders"});
    }
  }
  expect_no_input_among(outputs, inputs);
}

std::string key_of(const Job& job, const JobOptions& options) {
  return job.files.front().lexically_relative(options.output).string();
}

/// `sapiens seg` and `sapiens depth` both make photo.npy of photo.jpg.
void expect_no_results_of_others(const JobOptions& options, const std::string& command,
                                 std::span<const Job> jobs) {
  for (const std::string other : {"features", "pose", "seg", "depth", "normal"}) {
    if (other == command) continue;
    const Manifest record = read_manifest(manifest_path(options.output, other));
    for (const Job& job : jobs) {
      if (!record.inputs.contains(key_of(job, options))) continue;
      throw Error(ErrorCode::InvalidArgument,
                  {.summary = fmt::format("this would replace a result of `sapiens {}`", other),
                   .file = job.files.front().string(),
                   .key = "--output",
                   .hint = "choose a folder of its own for every command"});
    }
  }
}

}  // namespace

Inputs find_inputs(const JobOptions& options, bool arrays) {
  Inputs inputs = collect_inputs(
      options.inputs, {.recursive = options.recursive, .arrays = arrays, .output = options.output},
      std::cin);
  for (const FailedInput& failed : inputs.failed) {
    say(fmt::format("failed: {}\n  {}", failed.path, failed.error.what()));
  }
  if (inputs.files.empty() && !inputs.failed.empty()) {
    throw Error(ErrorCode::NotFound, {.summary = "none of the inputs can be read",
                                      .file = inputs.failed.front().path,
                                      .actual = inputs.failed.front().error.detail().actual,
                                      .hint = "check the spelling, and the folder you are in"});
  }
  if (inputs.files.empty()) {
    throw Error(ErrorCode::InvalidArgument,
                {.summary = "there is no picture among the inputs",
                 .file = options.inputs.front(),
                 .hint = fmt::format("pictures are .jpg, .jpeg, .png and .webp{}; -r also searches "
                                     "the folders inside a folder",
                                     arrays ? ", arrays .npy" : "")});
  }
  return inputs;
}

std::vector<fs::path> plan_stems(const JobOptions& options, std::span<const InputFile> files) {
  std::vector<fs::path> stems;
  const std::vector<OutputName> names = plan_outputs(files);
  for (std::size_t i = 0; i < files.size(); ++i) {
    stems.push_back(fs::path(options.output) / names[i].stem);
    if (!names[i].distinguished) continue;
    say(fmt::format("{} is written as {}: another input has the same name", files[i].path.string(),
                    stems.back().filename().string()));
  }
  return stems;
}

JobPlan plan_jobs(const JobOptions& options, const std::string& command, Json settings,
                  std::vector<Job> jobs) {
  expect_files_of_their_own(jobs);
  expect_no_results_of_others(options, command, jobs);
  const fs::path record = manifest_path(options.output, command);
  const Manifest earlier = options.resume ? read_manifest(record) : Manifest{};
  if (!earlier.settings.is_null()) expect_same_settings(earlier.settings, settings, record);

  JobPlan plan{
      .manifest = {.path = record, .settings = std::move(settings), .inputs = earlier.inputs}};
  for (Job& job : jobs) {
    const std::string key = key_of(job, options);
    std::vector<Job>& list = is_finished(job, key, earlier) ? plan.finished : plan.jobs;
    plan.manifest.inputs[key] = absolute_text(job.input.path);
    list.push_back(std::move(job));
  }
  return plan;
}

void start_plan(const JobPlan& plan) {
  std::error_code ignored;
  for (const Job& job : plan.jobs) {
    for (const fs::path& file : files_of(job)) fs::remove(file, ignored);
  }
  write_manifest(plan.manifest);
}

EngineOptions with_load_meter(EngineOptions engine) {
  auto meter = std::make_shared<Meter>("loading weights", 1, stderr_is_terminal());
  engine.loading = [meter, watch = Stopwatch()](double done) {
    // A quick load is over before anybody could read about it.
    if (watch.seconds() > 2) meter->update(done);
  };
  return engine;
}

void add_job_options(CLI::App& app, JobOptions& options, const std::string& inputs_help,
                     const std::string& viz_help) {
  app.add_option("CKPT", options.checkpoint, "Checkpoint file")->required();
  app.add_option("INPUT", options.inputs, inputs_help)->required();
  app.add_flag("-r,--recursive", options.recursive, "Also search folders inside folders");
  app.add_option("-o,--output", options.output, "Folder for the results")->required();
  app.add_flag("--resume", options.resume, "Keep what an interrupted run has finished");
  app.add_flag("--viz", options.viz, viz_help);
}

void add_network_options(CLI::App& app, JobOptions& options) {
  add_size_option(app, options.model.input_size,
                  "Size the pictures are resized to; by default the model's own");
  add_engine_options(app, options.engine);
  add_model_options(app, options.model);
  app.add_option("--patch-padding", options.model.patch_padding,
                 "Padding of the patch embedding, 0 or 2; by default the task decides")
      ->check(CLI::IsMember({0, 2}));
}

}  // namespace sapiens::cli

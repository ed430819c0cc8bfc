#include "cli/run/jobs.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <map>
#include <memory>
#include <sapiens/printable.hpp>
#include <set>

#include "cli/run/meter.hpp"
#include "cli/terminal/messages.hpp"
#include "core/stopwatch.hpp"

namespace sapiens::cli {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> files_of(const Job& job) {
  std::vector<fs::path> files;
  for (const JobFile& file : job.files) files.push_back(file.path);
  files.insert(files.end(), job.images.begin(), job.images.end());
  return files;
}

/// False where the system cannot say it.
bool is_there(const fs::path& file) {
  std::error_code unknown;
  return fs::is_regular_file(file, unknown);
}

/// Likewise.
bool is_missing(const fs::path& file) {
  std::error_code unknown;
  return fs::status(file, unknown).type() == fs::file_type::not_found;
}

/// Nothing for a camera.
std::string version_of_job(const Job& job) {
  if (job.input.camera) return {};
  std::vector<fs::path> files = job.input.frames;
  if (files.empty()) files = {job.input.path};
  files.insert(files.end(), job.masks.begin(), job.masks.end());
  return version_of(files);
}

/// A job whose input cannot be examined gets that error.
ManifestJob record_of(Job& job, const fs::path& output) {
  ManifestJob record{.input = absolute_text(job.input.text())};
  try {
    record.version = version_of_job(job);
  } catch (const Error& error) {
    job.error = error;
  }
  for (const fs::path& file : files_of(job)) {
    record.files.push_back(file.lexically_relative(output).generic_string());
  }
  return record;
}

/// Files are written atomically, and those of earlier runs are removed before `earlier` is written,
/// so an existing file is complete and was made of that version.
bool is_finished(const Job& job, const ManifestJob& now, const Manifest& earlier) {
  const auto before = earlier.jobs.find(job.name.string());
  return before != earlier.jobs.end() && before->second.input == now.input &&
         before->second.version == now.version && !now.version.empty() &&
         std::ranges::all_of(files_of(job), is_there);
}

/// `of_the_run` are not the results of one job.
void expect_files_of_their_own(std::span<const Job> jobs, const std::set<fs::path>& of_the_run) {
  std::vector<InputFile> inputs;
  std::vector<fs::path> outputs(of_the_run.begin(), of_the_run.end());
  std::set<fs::path> seen = of_the_run;
  for (const Job& job : jobs) {
    inputs.push_back(job.input);
    for (const fs::path& file : files_of(job)) {
      outputs.push_back(file);
      if (seen.insert(file).second) continue;
      throw Error(ErrorCode::InvalidArgument,
                  {.summary = of_the_run.contains(file)
                                  ? "the results of an input would take a name that the run needs"
                                  : "two inputs would be written to the same file",
                   .file = file.string(),
                   .hint = "rename one of the inputs, or write them to two folders"});
    }
  }
  expect_no_input_among(outputs, inputs);
}

/// Where runs that wrote such files may have left their records: `sapiens run` writes to folders
/// below its own.
std::set<fs::path> folders_of_records(const fs::path& output, std::span<const Job> jobs) {
  std::set<fs::path> folders = {output, output / ".."};
  for (const Job& job : jobs) {
    for (const fs::path& file : files_of(job)) folders.insert(file.parent_path());
  }
  return folders;
}

std::vector<std::string> commands_with_records() {
  std::vector<std::string> commands = head_task_names();
  commands.insert(commands.begin(), "features");
  commands.insert(commands.end(), {"run", "reconstruct"});
  return commands;
}

/// `sapiens seg` and `sapiens depth` both make photo.npy of photo.jpg.
void expect_no_results_of_others(const JobOptions& options, const std::string& command,
                                 std::span<const Job> jobs) {
  std::map<std::string, fs::path> ours;
  for (const Job& job : jobs) {
    for (const fs::path& file : files_of(job)) ours.emplace(absolute_text(file), file);
  }
  const std::vector<std::string> others = commands_with_records();
  for (const fs::path& folder : folders_of_records(options.output, jobs)) {
    for (const std::string& other : others) {
      if (other == command) continue;
      for (const auto& [name, made] : read_manifest(manifest_path(folder, other)).jobs) {
        for (const std::string& file : made.files) {
          const auto taken = ours.find(absolute_text(folder / file));
          if (taken == ours.end()) continue;
          throw Error(ErrorCode::InvalidArgument,
                      {.summary = fmt::format("this would replace a result of `sapiens {}`", other),
                       .file = taken->second.string(),
                       .key = "--output",
                       .hint = "choose a folder of its own for every command"});
        }
      }
    }
  }
}

}  // namespace

Inputs find_inputs(const JobOptions& options, InputRules rules) {
  rules.recursive = options.recursive;
  rules.output = options.output;
  rules.image_keys = options.image_keys;
  Inputs inputs = collect_inputs(options.inputs, rules, std::cin);
  for (const std::string& line : left_out_lines(inputs.left_out)) say(line);
  for (const FailedInput& failed : inputs.failed) {
    say(failure_text(failed.path, failed.error));
  }
  if (inputs.files.empty() && !inputs.failed.empty()) {
    throw Error(ErrorCode::NotFound, {.summary = "none of the inputs can be read",
                                      .file = inputs.failed.front().path,
                                      .actual = inputs.failed.front().error.detail().actual,
                                      .hint = "check the spelling, and the folder you are in"});
  }
  if (inputs.files.empty()) {
    std::string others;
    if (rules.arrays) others += ", arrays .npy";
    if (rules.videos) others += ", videos .mp4 and so on";
    if (rules.archives) others += ", archives .tar and .zip";
    throw Error(
        ErrorCode::InvalidArgument,
        {.summary = "there is no image among the inputs",
         .file = options.inputs.front(),
         .hint = fmt::format("images are {}{}; -r also searches the folders inside a folder",
                             fmt::join(image_extensions(), ", "), others)});
  }
  return inputs;
}

std::vector<Job> plan_names(std::span<const InputFile> files) {
  std::vector<Job> jobs;
  const std::vector<OutputName> names = plan_outputs(files);
  for (std::size_t i = 0; i < files.size(); ++i) {
    jobs.push_back({.input = files[i], .name = names[i].stem});
    if (!names[i].distinguished) continue;
    say(fmt::format("{} is written as {}: another input has the same name",
                    printable(files[i].text()), printable(names[i].stem.filename().string())));
  }
  return jobs;
}

JobPlan plan_jobs(const JobOptions& options, const std::string& command, Json settings,
                  const Inputs& inputs, std::vector<Job> jobs,
                  const std::vector<fs::path>& more_files) {
  const fs::path record = manifest_path(options.output, command);
  std::set<fs::path> of_the_run(more_files.begin(), more_files.end());
  of_the_run.insert(record);
  expect_files_of_their_own(jobs, of_the_run);
  expect_no_shards(options.output);
  expect_no_results_of_others(options, command, jobs);
  const Manifest earlier = options.resume ? read_manifest(record) : Manifest{};
  if (!earlier.settings.is_null()) expect_same_settings(earlier.settings, settings, record);

  JobPlan plan{.options = options,
               .inputs = inputs,
               .manifest = {.path = record,
                            .settings = std::move(settings),
                            .jobs = earlier.jobs,
                            .left_out = left_out_json(inputs.left_out)}};
  for (Job& job : jobs) {
    ManifestJob now = record_of(job, options.output);
    std::vector<Job>& list = is_finished(job, now, earlier) ? plan.finished : plan.jobs;
    plan.manifest.jobs[job.name.string()] = std::move(now);
    list.push_back(std::move(job));
  }
  return plan;
}

void expect_no_other_command(const fs::path& output, const std::string& command) {
  for (const std::string& other : commands_with_records()) {
    std::error_code none;
    const fs::path record = manifest_path(output, other);
    if (other == command || !fs::exists(record, none)) continue;
    throw Error(ErrorCode::InvalidArgument,
                {.summary = fmt::format("the output folder holds results of `sapiens {}`", other),
                 .file = record.string(),
                 .key = "--output",
                 .hint = "choose a folder of its own for every command"});
  }
}

void expect_no_shards(const fs::path& output) {
  std::error_code none;
  if (!fs::exists(output / "sapiens-index", none)) return;
  throw Error(ErrorCode::InvalidArgument,
              {.summary = "the output folder holds the results of a run by shards",
               .file = output.string(),
               .key = "--output",
               .hint = "choose another folder, or go on with that run: `sapiens features` with "
                       "--resume and its --format or --shared"});
}

void start_plan(const JobPlan& plan, Session& session) {
  for (const Job& job : plan.jobs) {
    // Not fs::remove(), which takes empty folders away too: those are refused when it is written.
    for (const fs::path& file : files_of(job)) ::unlink(file.c_str());
  }
  write_manifest(plan.manifest);
  session.interrupts.set_exit_message(
      "what is written is complete; the same command with --resume goes on", session.json);
}

void expect_files(const JobPlan& plan, std::span<const JobResult> results) {
  const auto expect = [&plan](const fs::path& file) {
    if (!is_missing(file)) return;
    throw Error(
        ErrorCode::WriteFailed,
        {.summary = "the output folder, or one in it, was removed or renamed during the run, so "
                    "files of this run are missing there",
         .file = plan.options.output,
         .expected = file.string(),
         .hint = "run the same command again"});
  };
  expect(plan.manifest.path);
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (!results[i].error) std::ranges::for_each(files_of(plan.jobs[i]), expect);
  }
}

EngineOptions with_load_meter(EngineOptions engine) {
  auto meter = std::make_shared<Meter>("loading weights", 1, stderr_is_terminal());
  engine.loading = [meter, watch = Stopwatch()](double done) {
    // A short load ends before its progress could be read.
    if (watch.seconds() > 2) meter->update(done);
  };
  return engine;
}

}  // namespace sapiens::cli

#include "cli/run/jobs.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <sapiens/printable.hpp>
#include <set>
#include <string_view>
#include <system_error>

#include "cli/input/json_file.hpp"
#include "cli/run/meter.hpp"
#include "cli/terminal/messages.hpp"
#include "core/atomic_file.hpp"
#include "core/open_file.hpp"
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
  return version_of(files, job.options);
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

/// Whether all frames are there that the video's document tells of.
bool has_frames(const Job& job) {
  const bool none_expected = std::ranges::none_of(job.frames, &FrameFiles::expected);
  if (none_expected) return true;
  const std::optional<std::string> text = read_if_there(job.files.front().path);
  const Json document = Json::parse(text.value_or(""), nullptr, false);
  if (!document.is_object() || !document.contains("frames")) return false;  // somebody changed it
  return std::ranges::all_of(job.frames, [&](const FrameFiles& files) {
    return !files.expected || document["frames"] == files.there().size();
  });
}

/// Files are written atomically, and those of earlier runs are removed before `earlier` is written,
/// so an existing file is complete and was made of that version.
bool is_finished(const Job& job, const ManifestJob& now, const Manifest& earlier) {
  const auto before = earlier.jobs.find(job.name.string());
  return before != earlier.jobs.end() && before->second.input == now.input &&
         before->second.version == now.version && !now.version.empty() &&
         std::ranges::all_of(files_of(job), is_there) && has_frames(job);
}

/// A file that stays would be taken for a result of this run by the next one with --resume.
void remove_earlier(const fs::path& file) {
  // Not fs::remove(), which takes empty folders away too: those are refused when it is written.
  if (uninterrupted([&] { return ::unlink(file.c_str()); }) == 0) return;
  if (errno == ENOENT || errno == ENOTDIR || errno == EISDIR) return;
  fail_to_write(file, "a file of an earlier run cannot be removed", errno);
}

/// What the run reads may not be among the frames that it writes, and removes before.
void expect_no_frames_among(std::span<const InputFile> inputs, std::span<const Job> jobs) {
  std::map<std::string, std::vector<const FrameFiles*>> written;
  for (const Job& job : jobs) {
    for (const FrameFiles& frames : job.frames) {
      written[absolute_text(frames.folder)].push_back(&frames);
    }
  }
  if (written.empty()) return;
  for (const InputFile& input : inputs) {
    const auto folder = written.find(absolute_text(input.path.parent_path()));
    if (folder == written.end()) continue;
    for (const FrameFiles* frames : folder->second) {
      if (frames->is_name(input.path.filename().string())) {
        throw Error(ErrorCode::InvalidArgument,
                    {.summary = "the results of a frame would replace an input",
                     .file = input.path.string(),
                     .hint = "choose another --output folder"});
      }
    }
  }
}

/// `of_the_run` are not the results of one job, and `used` not its input.
void expect_files_of_their_own(std::span<const Job> jobs, const std::set<fs::path>& of_the_run,
                               const UsedFiles& used) {
  std::vector<InputFile> inputs;
  const auto add_inputs = [&inputs](const std::vector<fs::path>& paths) {
    for (const fs::path& path : paths) inputs.push_back({.path = path});
  };
  add_inputs(used.paths());
  std::vector<fs::path> outputs(of_the_run.begin(), of_the_run.end());
  std::set<fs::path> seen = of_the_run;
  for (const Job& job : jobs) {
    inputs.push_back(job.input);
    add_inputs(job.input.frames);
    add_inputs(job.masks);
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
  expect_no_frames_among(inputs, jobs);
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
                  const UsedFiles& used, const Inputs& inputs, std::vector<Job> jobs,
                  const std::vector<fs::path>& more_files) {
  const fs::path record = manifest_path(options.output, command);
  std::set<fs::path> of_the_run(more_files.begin(), more_files.end());
  of_the_run.insert(record);
  expect_files_of_their_own(jobs, of_the_run, used);
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

bool FrameFiles::is_name(std::string_view name) const {
  const std::size_t digits = std::min(name.find_first_not_of("0123456789"), name.size());
  return digits > 0 && name.substr(digits) == suffix;
}

std::vector<fs::path> FrameFiles::there() const {
  std::vector<fs::path> files;
  std::error_code none;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, none)) {
    if (is_name(entry.path().filename().string())) files.push_back(entry.path());
  }
  std::ranges::sort(files);
  return files;
}

void remove_frames(const Job& job) {
  for (const FrameFiles& frames : job.frames) std::ranges::for_each(frames.there(), remove_earlier);
}

void start_plan(const JobPlan& plan, Session& session) {
  for (const Job& job : plan.jobs) {
    for (const fs::path& file : files_of(job)) remove_earlier(file);
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

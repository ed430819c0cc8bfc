#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <map>
#include <optional>
#include <sapiens/error.hpp>
#include <sapiens/features.hpp>
#include <sapiens/report.hpp>
#include <sapiens/tensor_view.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/input/inputs.hpp"
#include "cli/options/options.hpp"
#include "cli/run/used_files.hpp"
#include "cli/terminal/messages.hpp"

namespace sapiens::cli {

/// What one input became.
struct ManifestJob {
  std::string input = {};               ///< Its absolute path.
  std::string version = {};             ///< `version_of` what it was read from, before that.
  std::vector<std::string> files = {};  ///< Below the folder of the manifest.
};

/// How the files of an output folder were made.
struct Manifest {
  std::filesystem::path path = {};
  Json settings = {};                            ///< Equal settings give equal files.
  std::map<std::string, ManifestJob> jobs = {};  ///< By the name of the results.
  Json left_out = {};                            ///< Of the last run; see LeftOutList.
  Json boxes_file = {};                          ///< What of --boxes the last run used.
};

/// Which file it is: path, size, and when it was changed, as the same name may hold other contents.
Json file_json(const std::filesystem::path& path);

/// A text that is another one after one of `files` was changed or replaced, by their sizes and
/// times of change. Empty if one of them is gone. Throws NotFound if the system cannot say them.
/// `options` is a text that other results have been made with, too.
std::string version_of(std::span<const std::filesystem::path> files, std::string_view options = {});

/// Which file it is, wherever it lies: name, size, and the CRC-32 of all of it, as
/// "crc32:0123abcd". Throws NotFound or CorruptFile if it cannot be read.
Json digest_json(const std::filesystem::path& path);

/// The settings that every command records: the checkpoint (its `file_json` of before it was
/// loaded), what it is, and what computes.
Json common_settings(const Json& checkpoint, const std::optional<Grid>& size,
                     const Inspection& inspection, const EngineStats& stats);

/// OUTPUT/sapiens-features.json for the command `features`.
std::filesystem::path manifest_path(const std::filesystem::path& output,
                                    const std::string& command);

/// Empty where there is none. Throws CorruptFile.
Manifest read_manifest(const std::filesystem::path& path);

/// Replaces the file in one step. Throws WriteFailed.
void write_manifest(const Manifest& manifest);

/// Throws InvalidArgument, naming the first setting that differs.
void expect_same_settings(const Json& before, const Json& now, const std::filesystem::path& path);

/// Where the results of one input go, below the output folder and without a suffix.
struct OutputName {
  std::filesystem::path stem;
  bool distinguished = false;  ///< Another input wanted the same name, or has results inside it.
};

/// One name per input. `a.jpg` gets `a`; where `a.png` wants that too, both keep their extension;
/// where even that is equal, the later ones are numbered. So is `clip.mp4` beside `clip/x.png`: the
/// folder `clip` would hold results of both.
std::vector<OutputName> plan_outputs(std::span<const InputFile> files);

/// Creates `folder` and proves that files can be written there. Throws WriteFailed, and
/// InvalidArgument for an empty name.
void prepare_output_folder(const std::filesystem::path& folder);

/// Creates the folder that `file` will lie in. Throws WriteFailed.
void create_parent(const std::filesystem::path& file);

/// Throws InvalidArgument if an output would replace an input.
void expect_no_input_among(std::span<const std::filesystem::path> outputs,
                           std::span<const InputFile> files);

/// A file that results are written to.
struct JobFile {
  std::filesystem::path path = {};
  Json label = Json::object();  ///< What to say of it: `{"layer": 3}`.
};

/// The files that the frames of a video become: the number of the frame, and then `suffix`.
struct FrameFiles {
  std::filesystem::path folder = {};
  std::string suffix = {};
  bool expected = true;  ///< False for what runs with other options write.

  bool is_name(std::string_view name) const;
  /// Those in the folder, sorted.
  std::vector<std::filesystem::path> there() const;
};

/// One input and the files it becomes.
struct Job {
  InputFile input = {};
  std::filesystem::path name = {};                 ///< Of its results, below the output folder.
  std::filesystem::path key = {};                  ///< In its shard, if the run has shards.
  std::vector<JobFile> files = {};                 ///< Never empty, unless the run has shards.
  std::vector<std::filesystem::path> images = {};  ///< Of --viz.
  std::vector<std::filesystem::path> masks = {};   ///< Files that the results depend on as well.
  std::vector<FrameFiles> frames = {};             ///< Of a video: beside `files`.
  std::string options = {};  ///< What results depend on that is not among the settings of the run.
  std::optional<Error> error = {};  ///< Why it is not even read.
};

/// What became of one job.
struct JobResult {
  std::vector<Index> shape = {};  ///< Of the numbers in each file, or in the first one.
  std::vector<std::vector<Index>> shapes_of_files = {};  ///< Where they differ.
  double seconds = 0;                                    ///< Reading, computing and writing.
  std::optional<Error> error = {};
  Json details = Json::object();  ///< Further fields of its JSON.
  Json arrays = {};               ///< Where its features are, as the index of a shard has it.
};

/// Removes frames that an earlier run left, perhaps under other options. Throws WriteFailed.
void remove_frames(const Job& job);

/// Whether one of the inputs failed because memory ran out.
bool memory_ran_out(std::span<const JobResult> results);

/// What a run will do, and what an earlier one did.
struct JobPlan {
  const JobOptions& options;
  const Inputs& inputs;  ///< Also what cannot be found, and what was left out.
  std::vector<Job> jobs = {};
  std::vector<Job> finished = {};
  Manifest manifest = {};
};

/// Collects the inputs, of the kinds that `rules` has, and says what was left out and which cannot
/// be read. Throws NotFound or InvalidArgument when there is nothing to do.
Inputs find_inputs(const JobOptions& options, InputRules rules);

/// A job without files for each of `files`; says so where another input wanted the same name.
std::vector<Job> plan_names(std::span<const InputFile> files);

/// Sorts out what an earlier run of `command` with equal `settings` has finished, if --resume was
/// given; `inputs` are what `jobs` are about, and `used` what all of them need. Throws
/// InvalidArgument for other settings, and for files that would replace an input, a mask, one of
/// `used`, each other, one of `more_files` that the run writes at its end, or what another command
/// made.
JobPlan plan_jobs(const JobOptions& options, const std::string& command, Json settings,
                  const UsedFiles& used, const Inputs& inputs, std::vector<Job> jobs,
                  const std::vector<std::filesystem::path>& more_files = {});

/// Throws InvalidArgument if a command other than `command` recorded results in `output`.
void expect_no_other_command(const std::filesystem::path& output, const std::string& command);

/// Throws InvalidArgument if `output` holds a run by shards, whose files only their own records
/// name.
void expect_no_shards(const std::filesystem::path& output);

/// Removes what earlier runs left under the names of this one, and records what it will do: files
/// of an earlier run must not pass for results of this one if this one is interrupted. From now on
/// Ctrl-C says how to go on.
void start_plan(const JobPlan& plan, Session& session);

/// Throws WriteFailed if that record has gone, or a file that was written for one of the jobs with
/// `results`: the folder, or one in it, was removed meanwhile.
void expect_files(const JobPlan& plan, std::span<const JobResult> results);

/// The same options, with a meter for the loading of weights that takes long.
EngineOptions with_load_meter(EngineOptions engine);

/// What a command found over all its images.
struct Findings {
  std::string line = {};         ///< For people.
  Json totals = Json::object();  ///< Likewise, for programs.
};

/// What a command that works through images says at its end.
struct JobsSummary {
  const JobPlan& plan;
  std::string what;  ///< Of the results: "featmap".
  std::string type;  ///< Of their numbers: "f32".
  std::span<const JobResult> results;
  EngineStats stats;
  double seconds = 0;
  Findings findings = {};

  Index failures() const;
  Index done() const;
  std::string text() const;
  Json json() const;
};

/// ", 0.4 s each (bf16, 8 threads, avx512)" of `done` inputs; empty for none.
std::string pace_text(double seconds, Index done, const EngineStats& stats);

/// {"input": ..., "error": ...}
Json failure_json(const std::string& input, const Error& error);

/// Prints the summary, as text or JSON, and sets the exit code.
void report(const JobsSummary& summary, Session& session);

}  // namespace sapiens::cli

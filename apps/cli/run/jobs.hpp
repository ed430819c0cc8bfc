#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <optional>
#include <sapiens/error.hpp>
#include <sapiens/tensor_view.hpp>
#include <span>
#include <string>
#include <vector>

#include "cli/input/inputs.hpp"
#include "cli/options/job_options.hpp"
#include "cli/run/manifest.hpp"
#include "cli/terminal/messages.hpp"

namespace sapiens::cli {

struct JobFile {
  std::filesystem::path path = {};
  Json label = Json::object();  ///< What to say of it: `{"layer": 3}`.
};

/// One input and the files it becomes.
struct Job {
  InputFile input = {};
  std::filesystem::path name = {};                 ///< Of its results, below the output folder.
  std::vector<JobFile> files = {};                 ///< Never empty.
  std::vector<std::filesystem::path> images = {};  ///< Of --viz.
};

/// What became of one job.
struct JobResult {
  std::vector<Index> shape = {};  ///< Of the numbers in each file.
  double seconds = 0;             ///< Reading, computing and writing.
  std::optional<Error> error = {};
  Json details = Json::object();  ///< More to tell about it.
};

/// What a run will do, and what an earlier one did.
struct JobPlan {
  const JobOptions& options;
  const Inputs& inputs;  ///< Also what cannot be found, and what was left out.
  std::vector<Job> jobs = {};
  std::vector<Job> finished = {};
  Manifest manifest = {};
};

/// Collects the inputs, and says what was left out and which cannot be read. Throws NotFound or
/// InvalidArgument when there is nothing to do.
enum class InputKinds { Images, ImagesAndArrays, ImagesAndVideos, FoldersAsVideos };
Inputs find_inputs(const JobOptions& options, InputKinds kinds);

/// A job without files for each of `files`; says so where another input wanted the same name.
std::vector<Job> plan_names(std::span<const InputFile> files);

/// Sorts out what an earlier run of `command` with equal `settings` has finished, if --resume was
/// given; `inputs` are what `jobs` are about. Throws InvalidArgument for other settings, and for
/// files that would replace an input, each other, one of `more_files` that the run writes at its
/// end, or what another command made.
JobPlan plan_jobs(const JobOptions& options, const std::string& command, Json settings,
                  const Inputs& inputs, std::vector<Job> jobs,
                  const std::vector<std::filesystem::path>& more_files = {});

/// Removes what earlier runs left under the names of this one, and records what it will do: files
/// of an earlier run must not pass for results of this one if this one is interrupted. From now on
/// Ctrl-C says how to go on.
void start_plan(const JobPlan& plan, Session& session);

/// The same options, with a meter for the loading of weights that takes long.
EngineOptions with_load_meter(EngineOptions engine);

}  // namespace sapiens::cli

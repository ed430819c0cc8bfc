#pragma once

#include <filesystem>
#include <vector>

#include "cli/options/task_options.hpp"
#include "cli/run/jobs.hpp"
#include "cli/run/task_models.hpp"

namespace sapiens::cli {

/// Fills in what follows from what was given: the tasks, where masks come from, whether anything
/// needs them. Throws InvalidArgument for options that do not go together.
void resolve_task_options(TaskOptions& options);

/// The files that each input becomes.
std::vector<Job> make_task_jobs(const TaskOptions& options, const std::vector<InputFile>& files);

/// How the results of the run are made: of one task, or of each of several.
Json run_settings(const TaskOptions& options, const TaskModels& models);

/// What the keypoints of the run are, and how they are made; null without any.
Json pose_meta(const TaskOptions& options, const TaskModels& models);

/// The file of --coco.
std::filesystem::path coco_path(const TaskOptions& options);

}  // namespace sapiens::cli

#pragma once

#include "jobs.hpp"
#include "task_context.hpp"
#include "task_outputs.hpp"

namespace sapiens::cli {

/// Where the frames of a video go, "clip/000012.json" and so on: `job.files` are one document that
/// says what they are, written when all are there; `job.pictures` one video per task.
std::filesystem::path frame_path(const TaskOptions& options, const TaskFile& file, const Job& job,
                                 Index number);

/// Works through one video or camera, frame by frame; decoding, computing and encoding overlap.
/// Ctrl-C ends the videos that are written where they are, and then the program.
JobResult run_video(const TaskContext& context, const Job& job);

}  // namespace sapiens::cli

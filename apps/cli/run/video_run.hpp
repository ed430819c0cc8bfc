#pragma once

#include "cli/run/jobs.hpp"
#include "cli/run/task_context.hpp"

namespace sapiens::cli {

/// Works through one video or camera, frame by frame; decoding, computing and encoding overlap.
/// `job.files` are one document that says what the frames are, written when all are there;
/// `job.images` one video per task.
///
/// Ctrl-C ends the videos that are written where they are, and then the program.
JobResult run_video(const TaskContext& context, const Job& job);

}  // namespace sapiens::cli

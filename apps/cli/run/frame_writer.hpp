#pragma once

#include <span>
#include <vector>

#include "cli/run/frame.hpp"
#include "cli/run/task_context.hpp"
#include "cli/run/task_outputs.hpp"

namespace sapiens::cli {

/// Writes the files of frames; `job.files` are those of `task_files`, `job.images` one per task.
class FrameWriter {
 public:
  FrameWriter(const TaskContext& context, std::span<const Job> jobs)
      : context_(context), jobs_(jobs), files_(task_files(context.options)) {}

  /// What became of `frame`, after its files were written. Throws when the disk is full or cannot
  /// be written; what is wrong with one frame becomes its result.
  JobResult write(Frame& frame) const;

 private:
  void write_files(const Frame& frame) const;

  const TaskContext& context_;
  std::span<const Job> jobs_;
  std::vector<const TaskFile*> files_;
};

}  // namespace sapiens::cli

#pragma once

#include <functional>
#include <sapiens/checkpoint.hpp>
#include <span>
#include <vector>

#include "cli/run/frame.hpp"
#include "cli/run/task_context.hpp"

namespace sapiens::cli {

/// Runs all networks of a run on frames: the detector, segmentation, depth and normals, pose.
class FrameComputer {
 public:
  explicit FrameComputer(const TaskContext& context) : context_(context) {}

  /// Adds the results to frames without an error. What is wrong with one of them becomes its error;
  /// anything else, and what `progress` throws, is thrown.
  void compute(std::span<Frame> frames, const Progress& progress) const;

  /// The same as a stage of a pipeline, for frames of consecutive jobs; tells the meter.
  std::vector<Frame> compute_images(std::vector<Frame> frames,
                                    const std::function<void()>& keep_going) const;

 private:
  void detect(std::span<Frame> frames) const;
  void run_dense(TaskModel& model, std::span<Frame> frames, const Progress& progress) const;
  void run_pose(TaskModel& model, std::span<Frame> frames, const Progress& progress) const;

  const TaskContext& context_;
};

}  // namespace sapiens::cli

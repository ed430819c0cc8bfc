#pragma once

#include "core/thread_pool.hpp"
#include "preprocess/preprocess.hpp"
#include "sapiens/draw.hpp"
#include "sapiens/error.hpp"
#include "sapiens/tasks.hpp"
#include "tasks/resample.hpp"

namespace sapiens {

/// What is left to do once a head has run on one input.
struct HeadResult {
  const HeadOutput& head;
  const TaskInput& input;
  Grid size;  ///< Of the input's pixels.
  const ThreadPool& pool;

  Grid image() const { return {input.height, input.width}; }
  /// The original's lite scripts enlarge the head's output to the image in one step.
  Grid between() const { return input.mode == PreprocessMode::Lite ? head.size : size; }
};

/// What the code of a task is, once its head has run.
struct TaskTraits {
  Task task;
  Result (*result)(const HeadResult& head);
};

/// The refusal of a task whose models have no head.
Error no_head_error(Task task);

/// `task` has a head.
const TaskTraits& traits_of(Task task) noexcept;

}  // namespace sapiens

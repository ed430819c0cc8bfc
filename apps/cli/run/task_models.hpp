#pragma once

#include <list>
#include <optional>
#include <sapiens/detector.hpp>
#include <sapiens/keypoint_layout.hpp>
#include <sapiens/tasks.hpp>
#include <vector>

#include "cli/options/task_options.hpp"
#include "cli/terminal/messages.hpp"

namespace sapiens::cli {

/// The networks of a run.
class TaskModels {
 public:
  /// Opens and loads every checkpoint of `options`, and says what it is. Throws CheckpointRefused
  /// for a file that is for another task, before gigabytes of the wrong weights are loaded.
  explicit TaskModels(const TaskOptions& options);

  /// Null where the run has none.
  TaskModel* find(Task task);
  PersonDetector* detector() { return detector_ ? &*detector_ : nullptr; }
  /// Segmentation first: depth and normals are drawn under its masks.
  std::list<TaskModel>& all() { return models_; }

  /// What keypoints that are written are; null where neither the file nor a published set tells.
  const KeypointSet* keypoints() const { return keypoints_; }
  Index keypoint_count() const { return keypoint_count_; }
  /// Set where keypoints are converted.
  const std::optional<KeypointConversion>& conversion() const { return conversion_; }
  const SegClassSet* classes() const { return classes_; }

  /// How the results of `task` are made.
  Json settings(const TaskOptions& options, const TaskCheckpoint& task) const;
  /// Of all networks together.
  EngineStats stats() const;

 private:
  void load(const TaskOptions& options, const TaskCheckpoint& checkpoint);
  void choose_labels(const TaskOptions& options);

  std::list<TaskModel> models_;
  std::optional<PersonDetector> detector_;
  std::optional<KeypointConversion> conversion_;
  const KeypointSet* keypoints_ = nullptr;
  Index keypoint_count_ = 0;
  const SegClassSet* classes_ = nullptr;
};

}  // namespace sapiens::cli

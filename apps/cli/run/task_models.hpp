#pragma once

#include <list>
#include <optional>
#include <sapiens/detector.hpp>
#include <sapiens/keypoint_layout.hpp>
#include <sapiens/tasks.hpp>
#include <string_view>
#include <vector>

#include "cli/options/task_options.hpp"
#include "cli/run/used_files.hpp"
#include "cli/terminal/messages.hpp"

namespace sapiens::cli {

/// The checkpoints of a run and its file of boxes. To be called before they are read.
UsedFiles files_of(const TaskOptions& options);

/// The networks of a run.
class TaskModels {
 public:
  /// Opens and loads every checkpoint of `options`, and says what it is; `files` are those of
  /// `files_of`. Throws CheckpointRefused for a file that is for another task, before gigabytes of
  /// the wrong weights are loaded, and CorruptFile if one of `files` was replaced meanwhile.
  TaskModels(const TaskOptions& options, UsedFiles files);

  /// Null where the run has none.
  const TaskModel* find(Task task) const;
  PersonDetector* detector() { return detector_ ? &*detector_ : nullptr; }
  /// Segmentation first: depth and normals are drawn under its masks.
  std::list<TaskModel>& all() { return models_; }

  /// The set of the keypoints that are written; null if neither the file nor a published set has
  /// it.
  const KeypointSet* keypoints() const { return keypoints_; }
  Index keypoint_count() const { return keypoint_count_; }
  /// Set where keypoints are converted.
  const std::optional<KeypointConversion>& conversion() const { return conversion_; }
  const SegClassSet* classes() const { return classes_; }

  /// How the results of `task` are made, and the conventions of their numbers.
  Json settings(const TaskOptions& options, const TaskCheckpoint& task) const;
  /// The same of the whole run: of its one task, or of each of several.
  Json settings(const TaskOptions& options) const;
  /// What the keypoints of the run are, and how they are made; null without any.
  Json pose_meta(const TaskOptions& options) const;
  /// The checkpoints and the file of boxes.
  const UsedFiles& files() const { return files_; }
  /// The sums over all networks; threads and precision are those of the first.
  EngineStats stats() const;

 private:
  void load(const TaskOptions& options, const TaskCheckpoint& checkpoint);
  void choose_labels(const TaskOptions& options);

  UsedFiles files_;
  std::list<TaskModel> models_;
  std::optional<PersonDetector> detector_;
  std::optional<KeypointConversion> conversion_;
  const KeypointSet* keypoints_ = nullptr;
  Index keypoint_count_ = 0;
  const SegClassSet* classes_ = nullptr;
};

}  // namespace sapiens::cli

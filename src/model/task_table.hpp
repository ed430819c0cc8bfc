#pragma once

#include <optional>
#include <string_view>

#include "sapiens/task.hpp"
#include "sapiens/tensor_view.hpp"

namespace sapiens {

/// The layers of a published head.
struct HeadShape {
  int deconvs = 0, convs = 0;
  Index channels = 0, outputs = 0;
};

/// Everything about a task that is a fact and not code. Names and texts are those of users.
struct TaskRow {
  Task task;
  Use use;
  std::string_view name;
  std::string_view file;          ///< "a surface-normal checkpoint"
  std::string_view what = {};     ///< What a model finds: "surface normals".
  std::string_view outputs = {};  ///< What the head counts: "keypoints"; empty where it is fixed.
  Index patch_padding = 0;        ///< Of the original's configurations.
  HeadShape head = {};            ///< As published.
  /// Another task whose heads have the same names and shapes; a file is taken for that one unless
  /// its user says otherwise.
  std::optional<Task> looks_like = {};
};

const TaskRow& task_row(Task task) noexcept;

}  // namespace sapiens

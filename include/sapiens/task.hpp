#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sapiens {

/// The task of a network. Pretrain and Backbone are encoders without a task head; only Pretrain has
/// a class token.
enum class Task { Pretrain, Backbone, Pose, Seg, Depth, Normal };

/// A use of a file: the encoder alone, a part that some files have beside it, or a task with a
/// head.
enum class Use { Features, Reconstruct, Detect, Pose, Seg, Depth, Normal };

/// The name of a task in all interfaces and in file names: "pretrain", "backbone", "pose", "seg",
/// "depth" or "normal". A static string.
std::string_view task_name(Task task) noexcept;

/// The inverse of `task_name`. Throws `Error(InvalidArgument)` that lists the valid names.
Task parse_task(std::string_view name);

/// True for the tasks that have a head: Pose, Seg, Depth and Normal.
constexpr bool has_head(Task task) noexcept {
  return task != Task::Pretrain && task != Task::Backbone;
}

/// "features", "reconstruct", "detect", and the names of the tasks that have a head.
std::string_view use_name(Use use) noexcept;

/// Nothing for a word that is not the name of a use.
std::optional<Use> find_use(std::string_view name) noexcept;

/// What a model for `task` is loaded for: its head, or the features of one without a head.
Use use_of(Task task) noexcept;

/// What interfaces tell about a task with a head.
struct TaskInfo {
  Task task;
  bool of_persons;           ///< Its inputs are persons cut out of images, not images.
  std::string_view summary;  ///< "Surface normal of every pixel"
  std::string_view array;    ///< A result in NumPy: "float32 (H, W, 3)"; empty: it is no array.
  std::string_view drawing;  ///< "Normals as colours beside the image"
};

/// The tasks that have a head, in the order of the enum.
std::span<const TaskInfo> head_tasks() noexcept;

/// `task` has a head.
const TaskInfo& task_info(Task task) noexcept;

/// The names of the tasks, or of those that have a head.
std::vector<std::string> task_names();
std::vector<std::string> head_task_names();
/// "pose, seg, depth or normal"
std::string head_task_list();

}  // namespace sapiens

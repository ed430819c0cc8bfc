#pragma once

#include <string_view>

namespace sapiens {

/// What a network is for. Pretrain has a class token; every other task has none.
enum class Task { Pretrain, Backbone, Pose, Seg, Depth, Normal };

/// The word of every interface, and of file names: "pretrain", "backbone", "pose", "seg", "depth"
/// or "normal".
std::string_view task_name(Task task) noexcept;

/// Throws `Error(InvalidArgument)` that lists the words.
Task parse_task(std::string_view name);

/// True for the tasks that have a head, and results other than features.
constexpr bool has_head(Task task) noexcept {
  return task != Task::Pretrain && task != Task::Backbone;
}

}  // namespace sapiens

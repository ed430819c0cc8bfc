#pragma once

#include <string_view>

namespace sapiens {

/// The task of a network. Pretrain and Backbone are encoders without a task head; only Pretrain has
/// a class token.
enum class Task { Pretrain, Backbone, Pose, Seg, Depth, Normal };

/// The name of a task in all interfaces and in file names: "pretrain", "backbone", "pose", "seg",
/// "depth" or "normal". A static string.
std::string_view task_name(Task task) noexcept;

/// The inverse of `task_name`. Throws `Error(InvalidArgument)` that lists the valid names.
Task parse_task(std::string_view name);

/// True for the tasks that have a head: Pose, Seg, Depth and Normal.
constexpr bool has_head(Task task) noexcept {
  return task != Task::Pretrain && task != Task::Backbone;
}

}  // namespace sapiens

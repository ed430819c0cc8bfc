#pragma once

#include <filesystem>
#include <sapiens/image.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "cli/run/frame.hpp"
#include "cli/run/task_context.hpp"

namespace sapiens::cli {

/// One kind of file that results become. A table in the .cpp lists them all.
struct TaskFile {
  Task task;
  std::string_view suffix;  ///< Behind the name: "_seg.npy".
  std::string_view holds;   ///< "class ids"
  std::string_view type;    ///< Of its numbers: "int64"; empty for documents.
  std::string_view format;  ///< Written where --format has it; empty: always.
  void (*write)(const TaskContext& context, const Frame& frame, const std::filesystem::path& path);
};

/// The files of a run, in the order of its tasks.
std::vector<const TaskFile*> task_files(const TaskOptions& options);

/// `name` in the output folder; `sapiens run` has a folder for every task.
std::filesystem::path result_path(const TaskOptions& options, Task task,
                                  const std::filesystem::path& name, std::string_view suffix);

/// The image that --viz draws.
Image draw_result(const TaskContext& context, Task task, const Frame& frame);

/// The shape of the result: persons and points, height and width.
std::vector<Index> result_shape(const TaskContext& context, Task task, const Frame& frame);

}  // namespace sapiens::cli

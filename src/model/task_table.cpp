#include "model/task_table.hpp"

#include <algorithm>
#include <iterator>

#include "sapiens/error.hpp"
#include "sapiens/report.hpp"

namespace sapiens {
namespace {

constexpr TaskRow kRows[] = {
    {.task = Task::Pretrain,
     .use = Use::Features,
     .name = "pretrain",
     .file = "a pretrained encoder"},
    {.task = Task::Backbone,
     .use = Use::Features,
     .name = "backbone",
     .file = "a task encoder without its head"},
    {.task = Task::Pose,
     .use = Use::Pose,
     .name = "pose",
     .file = "a pose checkpoint",
     .what = "pose",
     .outputs = "keypoints",
     .patch_padding = 2,
     .head = {2, 2, 768, 17}},
    {.task = Task::Seg,
     .use = Use::Seg,
     .name = "seg",
     .file = "a segmentation checkpoint",
     .what = "segmentation",
     .outputs = "classes",
     .head = {3, 3, 768, 28},
     .looks_like = Task::Normal},
    {.task = Task::Depth,
     .use = Use::Depth,
     .name = "depth",
     .file = "a depth checkpoint",
     .what = "depth",
     .head = {4, 2, 384, 1}},
    {.task = Task::Normal,
     .use = Use::Normal,
     .name = "normal",
     .file = "a surface-normal checkpoint",
     .what = "surface normals",
     .patch_padding = 2,
     .head = {3, 3, 768, 3}},
};

// What interfaces tell, of the tasks that have a head.
constexpr TaskInfo kHeadTasks[] = {
    {Task::Pose, true, "Keypoints of persons", "", "Keypoints and links on the image"},
    {Task::Seg, false, "The body part of every pixel", "int64 (H, W), class ids; or bool (H, W)",
     "Classes blended with the image, with names"},
    {Task::Depth, false, "Relative depth of every pixel, larger is farther", "float32 (H, W)",
     "Depth beside the image, near bright"},
    {Task::Normal, false, "Surface normal of every pixel", "float32 (H, W, 3)",
     "Normals as colours beside the image"},
};

// The uses that are no task.
struct OtherUse {
  Use use;
  std::string_view name;
};
constexpr OtherUse kOtherUses[] = {
    {Use::Features, "features"}, {Use::Reconstruct, "reconstruct"}, {Use::Detect, "detect"}};

// "a, b or c"
std::string listed(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) text += i + 1 < names.size() ? ", " : " or ";
    text += names[i];
  }
  return text;
}

}  // namespace

const TaskRow& task_row(Task task) noexcept {
  return *std::ranges::find(kRows, task, &TaskRow::task);
}

std::string head_task_list() { return listed(head_task_names()); }

std::string_view task_name(Task task) noexcept { return task_row(task).name; }

Task parse_task(std::string_view name) {
  const auto* const found = std::ranges::find(kRows, name, &TaskRow::name);
  if (found != std::end(kRows)) return found->task;
  throw Error(ErrorCode::InvalidArgument, {.summary = "unknown task",
                                           .option = "task",
                                           .expected = listed(task_names()),
                                           .actual = std::string(name)});
}

std::string_view use_name(Use use) noexcept {
  const auto* const other = std::ranges::find(kOtherUses, use, &OtherUse::use);
  if (other != std::end(kOtherUses)) return other->name;
  return std::ranges::find(kRows, use, &TaskRow::use)->name;
}

std::optional<Use> find_use(std::string_view name) noexcept {
  const auto* const other = std::ranges::find(kOtherUses, name, &OtherUse::name);
  if (other != std::end(kOtherUses)) return other->use;
  const auto* const row = std::ranges::find(kRows, name, &TaskRow::name);
  return row != std::end(kRows) && has_head(row->task) ? std::optional(row->use) : std::nullopt;
}

Use use_of(Task task) noexcept { return task_row(task).use; }

std::span<const TaskInfo> head_tasks() noexcept { return kHeadTasks; }

const TaskInfo& task_info(Task task) noexcept {
  return *std::ranges::find(kHeadTasks, task, &TaskInfo::task);
}

std::vector<std::string> task_names() {
  std::vector<std::string> names;
  for (const TaskRow& row : kRows) names.emplace_back(row.name);
  return names;
}

std::vector<std::string> head_task_names() {
  std::vector<std::string> names;
  for (const TaskInfo& info : kHeadTasks) names.emplace_back(task_name(info.task));
  return names;
}

std::string_view task_text(const ModelInfo& model) noexcept {
  if (model.task) return task_name(*model.task);
  return model.family == "rtmdet" ? use_name(Use::Detect) : "";
}

}  // namespace sapiens

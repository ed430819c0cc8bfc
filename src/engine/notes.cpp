#include "engine/notes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include "engine/explain.hpp"
#include "engine/problems.hpp"
#include "engine/several_models.hpp"

namespace sapiens {
namespace {

// Tensors of types that are not read, one line for all of them.
std::string unreadable_note(const StateDict& dict) {
  constexpr std::size_t kShownTypes = 4;
  Index count = 0;
  std::string first;
  std::set<std::string_view> types;
  for (const TensorEntry& tensor : dict.tensors) {
    if (!tensor.unreadable) continue;
    if (count++ == 0) first = tensor.path();
    types.insert(tensor.type_name());
  }
  if (count == 0) return {};
  std::string shown;
  std::size_t number = 0;
  for (const std::string_view type : types) {
    if (number++ == kShownTypes) {
      shown += ", ...";
      break;
    }
    shown += fmt::format("{}{}", shown.empty() ? "" : ", ", type);
  }
  return fmt::format("{} whose values are not read ({}), the first is {}", counted(count, "tensor"),
                     shown, first);
}

}  // namespace

std::vector<std::string> file_notes(const StateDict& dict) {
  std::vector<std::string> notes;
  for (const auto& [key, value] : dict.metadata) {
    if (!key.ends_with("sapiens.random_weights")) continue;
    notes.push_back(fmt::format("RANDOM WEIGHTS: {}", value));
    break;
  }
  if (std::string note = unreadable_note(dict); !note.empty()) notes.push_back(std::move(note));
  std::ranges::copy(dict.notes, std::back_inserter(notes));
  if (dict.tensors.empty()) return notes;  // what is there instead explains the refusal
  for (const Unreached& unreached : dict.unreached) {
    notes.push_back(fmt::format("not read: {}", unreached.what));
  }
  return notes;
}

std::vector<std::string> model_notes(const StateDict& dict, const DetectedModel& model) {
  std::vector<std::string> notes = file_notes(dict);
  if (model.encoder.family == Family::Sapiens2) {
    if (!model.unsupported_head.empty()) {
      notes.push_back(
          fmt::format("this is a task checkpoint, with {}.*: {}; its encoder gives features",
                      model.unsupported_head, kNoSapiens2Heads));
    }
    return notes;
  }
  notes.emplace_back(
      "avg_featmap passes through ln2, which no published file has: as in the original its weight "
      "is 1, its bias 0");
  if (model.encoder.heads == 0) {
    notes.push_back(fmt::format(
        "the number of heads of a width of {} cannot be seen in the weights; computing needs "
        "`heads` N",
        model.encoder.width));
  }
  if (model.other_head) {
    notes.push_back(
        fmt::format("two heads on one encoder: that for {} is taken, `task` {} takes the other",
                    task_name(model.file_task), task_name(*model.other_head)));
  }
  if (model.task == Task::Seg && model.head && model.head->outputs == 3) {
    notes.emplace_back(
        "a head with three outputs was taken as segmentation, as `task` or the file says; else it "
        "counts as normals");
  } else if (model.file_task == Task::Normal && model.task == Task::Normal) {
    notes.emplace_back(
        "a head with three outputs was taken as surface normals; for a segmentation of three "
        "classes say `task` seg");
  }
  return notes;
}

std::vector<std::string> notes_on_others(const NameIndex& index, std::size_t left_out,
                                         std::span<const FoundModel> found) {
  std::vector<std::string> notes;
  add_left_notes(found, notes);
  if (left_out > 0) {
    notes.push_back(
        fmt::format("{} more places with some of an encoder's names were not looked at; `prefix` "
                    "names one",
                    left_out));
  }
  if (!index.collision().empty()) {
    notes.push_back(fmt::format(
        "{} would have one name without what wrappers insert: such parts of names were left in",
        index.collision()));
  }
  return notes;
}

}  // namespace sapiens

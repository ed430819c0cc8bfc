#include "serve/models.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <sapiens/checkpoint.hpp>
#include <utility>

#include "cli/terminal/messages.hpp"
#include "documents/results_json.hpp"
#include "serve/http_message.hpp"
#include "serve/operations.hpp"

namespace sapiens::serve {
namespace {

using documents::Json;

void expect_name(const NamedCheckpoint& checkpoint) {
  constexpr std::size_t kMaxLength = 64;
  const auto fits = [](char c) {
    return ('a' <= c && c <= 'z') || ('A' <= c && c <= 'Z') || ('0' <= c && c <= '9') ||
           std::string_view("-_.").find(c) != std::string_view::npos;
  };
  const std::string& name = checkpoint.name;
  if (!name.empty() && name.size() <= kMaxLength && std::all_of(name.begin(), name.end(), fits)) {
    return;
  }
  throw Error(ErrorCode::InvalidArgument, {.summary = "this cannot be the name of a model",
                                           .file = checkpoint.path,
                                           .key = "--model",
                                           .expected = "1 to 64 of a-z, A-Z, 0-9, -, _ and .",
                                           .actual = name,
                                           .hint = "give it one: --model NAME=CKPT"});
}

std::string names_of(const std::vector<Models::Entry>& entries) {
  std::vector<std::string> names;
  for (const auto& [name, model] : entries) {
    names.push_back(fmt::format("{} ({})", name, task_word(model->task())));
  }
  return fmt::format("{}", fmt::join(names, ", "));
}

Json describe(const std::vector<Models::Entry>& entries, const PersonDetector* detector) {
  Json list = Json::array();
  for (const auto& [name, model] : entries) {
    const Grid size = model->input_size();
    list.push_back({{"name", name},
                    {"task", task_word(model->task())},
                    {"path", fmt::format("/v1/{}", task_word(model->task()))},
                    {"input_size", {size.height, size.width}},
                    {"precision", model->stats().precision},
                    {"unquantized", model->stats().unquantized},
                    {"report", Json::parse(model->inspection().json(cli::flag_of))}});
    if (model->task() == Task::Seg) {
      const TaskModel& head = *model->head();
      list.back()["classes"] = documents::classes_json(head.outputs(), head.seg_classes());
    }
  }
  Json document = {{"models", std::move(list)}};
  if (detector) {
    document["detector"] = {{"precision", detector->stats().precision},
                            {"report", Json::parse(detector->inspection().json(cli::flag_of))}};
  }
  return document;
}

void expect_use_of_detector(const std::vector<Models::Entry>& entries,
                            const std::string& detector) {
  const auto is_pose = [](const auto& entry) { return entry.model->task() == Task::Pose; };
  if (std::ranges::any_of(entries, is_pose)) return;
  throw Error(ErrorCode::InvalidArgument,
              {.summary = "a detector finds persons for keypoints, and no model is for these",
               .file = detector,
               .key = "--detector",
               .expected = "a model for pose",
               .actual = names_of(entries),
               .hint = "leave out --detector, or add --model NAME=CKPT"});
}

}  // namespace

Models::Models(const ServerOptions& options) {
  if (!options.detector.empty()) {
    EngineOptions engine = options.engine;
    engine.precision = Precision::Auto;  // as in the commands, one is chosen for other networks
    detector_ = std::make_unique<PersonDetector>(Checkpoint::open(options.detector), engine);
  }
  if (options.models.empty()) {
    throw Error(ErrorCode::InvalidArgument, {.summary = "a server needs at least one model",
                                             .key = "--model",
                                             .expected = "--model NAME=CKPT"});
  }
  for (const NamedCheckpoint& checkpoint : options.models) {
    expect_name(checkpoint);
    if (std::ranges::find(entries_, checkpoint.name, &Entry::name) != entries_.end()) {
      throw Error(ErrorCode::InvalidArgument, {.summary = "two models have one name",
                                               .file = checkpoint.path,
                                               .key = "--model",
                                               .actual = checkpoint.name,
                                               .hint = "name them: --model NAME=CKPT"});
    }
    entries_.push_back(
        {checkpoint.name, std::make_unique<ServedModel>(checkpoint, options, detector_.get())});
  }
  if (detector_) expect_use_of_detector(entries_, options.detector);
  json_ = describe(entries_, detector_.get());
}

const Models::Entry& Models::choose(std::string_view name, std::optional<Task> task) const {
  const std::string_view word = task_word(task);
  if (!name.empty()) {
    const auto found = std::ranges::find(entries_, name, &Entry::name);
    if (found == entries_.end()) {
      throw HttpError(404, "unknown-model",
                      {.summary = "there is no model of this name",
                       .key = "model",
                       .expected = names_of(entries_),
                       .actual = std::string(name.substr(0, 64))});
    }
    if (found->model->task() == task) return *found;
    throw HttpError(422, "wrong-task",
                    {.summary = "this model does something else",
                     .key = "model",
                     .expected = fmt::format("a model for {}", word),
                     .actual = fmt::format("{} is for {}", name, task_word(found->model->task())),
                     .hint = fmt::format("POST /v1/{}", task_word(found->model->task()))});
  }
  const auto fits = [&](const Entry& entry) { return entry.model->task() == task; };
  const auto first = std::ranges::find_if(entries_, fits);
  if (first == entries_.end()) {
    throw HttpError(422, "wrong-task",
                    {.summary = fmt::format("no model for {} is loaded", word),
                     .expected = fmt::format("a model for {}", word),
                     .actual = names_of(entries_),
                     .hint = "restart the server with one more --model"});
  }
  if (std::count_if(first, entries_.end(), fits) > 1) {
    throw HttpError(400, "invalid-argument",
                    {.summary = fmt::format("several models do {}", word),
                     .key = "model",
                     .expected = "the name of one",
                     .actual = names_of(entries_)});
  }
  return *first;
}

}  // namespace sapiens::serve

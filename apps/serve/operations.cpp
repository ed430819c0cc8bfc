#include "serve/operations.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <sapiens/features.hpp>

#include "serve/media_types.hpp"

namespace sapiens::serve {
namespace {

using enum ParameterKind;

std::vector<std::string_view> out_type_names() {
  std::vector<std::string_view> names;
  for (const OutType type : kAllOutTypes) names.push_back(out_type_name(type));
  return names;
}

const Parameter kModel = {
    "model", Text, "", "Name of a model that does this task; may be left out where there is one"};
const Parameter kPreprocess = {
    "preprocess",
    Choice,
    "full",
    "full: as in training; lite: as Sapiens's lite scripts, not for features of Sapiens2",
    {"full", "lite"}};

const Parameter kOutType = {
    "out_type", List, "featmap",
    "featmap: [C, gh, gw]; raw: [tokens, C], class token and registers first; cls_token, "
    "avg_featmap: [C]; registers: [R, C] (Sapiens2). Several, separated by commas, come from one "
    "pass, and their arrays one behind the other",
    out_type_names()};
const Parameter kLayer = {"layer", Whole, "-1",
                          "The block to take, counted from 0, negative from the end"};
const Parameter kNorm = {"norm", Flag, "false",
                         "Pass the block through the final norm even if it is not the last"};
const Parameter kDtype = {
    "dtype", Choice, "f32", "Type of the numbers of the array", {"f32", "f16"}};

const Parameter kBoxes = {
    "boxes", Boxes, "",
    "Persons, in pixels of the image; by default those whom the server's detector "
    "finds, and where it has none, one who fills the image"};
const Parameter kFlipTest = {"flip_test", Flag, "true",
                             "Also run the mirrored image and average: twice the time"};
const Parameter kArray = {"array",
                          Choice,
                          "classes",
                          "classes: int64 ids; mask: bool, true where the class is not 0",
                          {"classes", "mask"}};

/// The fields of a request for `task` behind the name of the model.
std::vector<Parameter> parameters_of(const TaskInfo& task) {
  if (task.of_persons) return {kModel, kBoxes, kFlipTest, kPreprocess};
  if (task.task == Task::Seg) return {kModel, kArray, kPreprocess};
  return {kModel, kPreprocess};
}

std::vector<Operation> make_operations() {
  std::vector<Operation> operations = {{std::nullopt,
                                        "/v1/features",
                                        "What the encoder makes of an image",
                                        "float32 or float16, of the shape that out_type says",
                                        "The first three principal components over the image",
                                        {kModel, kOutType, kLayer, kNorm, kDtype, kPreprocess}}};
  for (const TaskInfo& task : head_tasks()) {
    operations.push_back({task.task, fmt::format("/v1/{}", task_name(task.task)), task.summary,
                          task.array, task.drawing, parameters_of(task)});
  }
  return operations;
}

constexpr Resource kResources[] = {
    {"/healthz", "healthz", "Whether the server answers", kJsonType, false},
    {"/openapi.json", "openapi", "This document", kJsonType, false},
    {"/v1/models", "models", "The loaded models with their load reports", kJsonType, true},
    {"/metrics", "metrics", "Counters for Prometheus", "text/plain; version=0.0.4", true},
};

}  // namespace

std::vector<std::string_view> Operation::types() const {
  if (npy.empty()) return {kJsonType, kPngType};
  return {kJsonType, kNpyType, kBytesType, kPngType};
}

std::span<const Operation> operations() {
  static const std::vector<Operation> all = make_operations();
  return all;
}

std::span<const Resource> resources() noexcept { return kResources; }

const Resource* find_resource(std::string_view path) noexcept {
  const auto* found = std::ranges::find(kResources, path, &Resource::path);
  return found == std::end(kResources) ? nullptr : found;
}

std::string_view task_word(std::optional<Task> task) noexcept {
  return task ? task_name(*task) : "features";
}

const Operation* find_operation(std::string_view path) {
  const auto found = std::ranges::find(operations(), path, &Operation::path);
  return found == operations().end() ? nullptr : &*found;
}

}  // namespace sapiens::serve

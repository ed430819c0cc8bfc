#pragma once

#include <memory>
#include <optional>

#include "engine/assess.hpp"

namespace sapiens {

/// A file as a model for one use.
struct AssessedModel {
  std::shared_ptr<const Assessment> assessment;
  Use use = Use::Features;
  Inspection inspection;
  bool partial = false;
};

/// The file as a model for `use`, checked as Encoder, TaskModel and Reconstructor check it before
/// they load weights, and refused with their errors. Without `use` the file decides.
AssessedModel assess_as(std::optional<Use> use, const Checkpoint& checkpoint, ModelOptions options);

}  // namespace sapiens

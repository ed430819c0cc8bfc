#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "sapiens/checkpoint.hpp"
#include "support/golden.hpp"
#include "support/scratch.hpp"
#include "support/tensor_file.hpp"

namespace sapiens::sapiens2 {

/// The tiny encoder of the golden case under its published names: width 8, 2 blocks, 2 heads.
inline TensorFile plain() { return TensorFile(Golden("sapiens2_names").file("plain.safetensors")); }
/// timm's names, without the leftovers of that file.
inline TensorFile timm() {
  TensorFile file(Golden("sapiens2_names").file("timm_leftovers.safetensors"));
  return file.remove("head.weight").remove("head.bias").remove("rope.periods");
}

inline Inspection inspect(const TensorFile& file, const ModelOptions& options = {}) {
  const Scratch scratch;
  return Checkpoint::open(file.write(scratch / "model.safetensors")).inspect(options);
}

/// The rules that a report lists, as text.
inline std::vector<std::string> rules_of(const Inspection& inspection) {
  std::vector<std::string> rules;
  for (const AppliedRule& rule : inspection.report.rules) rules.push_back(rule.rule);
  return rules;
}

/// The tensors that a report names as absent, or of another shape.
inline std::vector<std::string> problems_of(const Inspection& inspection) {
  std::vector<std::string> keys;
  for (const auto& missing : inspection.report.missing) keys.push_back(missing.key);
  for (const auto& mismatch : inspection.report.mismatched) keys.push_back(mismatch.key);
  return keys;
}

/// Why the tensor `key` is not used; empty where it is.
inline std::string reason_of(const Inspection& inspection, const std::string& key) {
  for (const UnusedTensors& group : inspection.report.unused) {
    if (std::ranges::find(group.keys, key) != group.keys.end()) return group.reason;
  }
  return "";
}

}  // namespace sapiens::sapiens2

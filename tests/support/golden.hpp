#pragma once

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "sapiens/checkpoint.hpp"
#include "sapiens/features.hpp"
#include "sapiens/npy.hpp"

namespace sapiens {

/// One folder of tests/data/golden: files made by the original PyTorch code from random weights.
class Golden {
 public:
  explicit Golden(const std::string& name)
      : folder_(std::filesystem::path(SAPIENS_TEST_DATA) / "golden" / name),
        facts_(nlohmann::json::parse(std::ifstream(folder_ / "case.json"))) {}

  std::filesystem::path file(const std::string& name) const { return folder_ / name; }
  FloatArray array(const std::string& name) const { return read_npy(file(name + ".npy")); }
  const nlohmann::json& facts() const { return facts_; }

  /// What cannot be seen in the weights of these tiny networks.
  ModelOptions options() const {
    ModelOptions options;
    options.heads = facts_.at("arch").at("num_heads");
    if (facts_.contains("patch_padding") && facts_["patch_padding"].is_number()) {
      options.patch_padding = facts_["patch_padding"].get<Index>();
    }
    if (facts_.contains("checkpoint_grid")) {
      options.grid = Grid{facts_["checkpoint_grid"][0], facts_["checkpoint_grid"][1]};
    } else if (facts_.contains("grid_of_model")) {
      options.grid = Grid{facts_["grid_of_model"][0], facts_["grid_of_model"][1]};
    } else if (facts_.contains("grid")) {
      options.grid = Grid{facts_["grid"][0], facts_["grid"][1]};
    }
    return options;
  }

 private:
  std::filesystem::path folder_;
  nlohmann::json facts_;
};

/// Golden values are compared in the arithmetic of the original.
inline EngineOptions exact() {
  EngineOptions options;
  options.precision = Precision::Fp32;
  return options;
}

}  // namespace sapiens

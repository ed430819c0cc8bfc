#pragma once

#include <functional>
#include <span>
#include <string>
#include <utility>

#include "model/param_loader.hpp"

namespace sapiens {

/// Weights that a function makes up.
class FunctionSource final : public ParamSource {
 public:
  using Read = std::function<void(const std::string& key, Index first, std::span<float> out)>;
  explicit FunctionSource(Read read) : read_(std::move(read)) {}

  void read(const std::string& key, Index first, std::span<float> out) const override {
    read_(key, first, out);
  }

 private:
  Read read_;
};

}  // namespace sapiens

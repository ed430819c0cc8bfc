#pragma once

#include <string>
#include <vector>

#include "sapiens/tensor_view.hpp"

namespace sapiens {

/// One parameter the model cannot run without, under its canonical name: the one the original
/// training code gives it, prefix included ("backbone.layers.0.ln1.weight", "neck.mask_token",
/// "head.final_layer.bias").
struct ParamSpec {
  std::string key;
  std::vector<Index> shape;
};

}  // namespace sapiens

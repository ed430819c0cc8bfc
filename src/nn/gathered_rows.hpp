#pragma once

#include "core/function_ref.hpp"
#include "nn/activations.hpp"
#include "sapiens/tensor_view.hpp"

namespace sapiens {

/// Some rows of one of the layers that `Ops::linear_gathered` runs together.
struct RowBlock {
  Index layer = 0;
  Index part = 0;  // of `Ops::row_blocks`
  Index first = 0, rows = 0;
};

/// Where rows of x come from and rows of y go to, block by block, in scratch memory that stays in
/// cache: x need not exist as a matrix, and y may land anywhere. Called from several threads.
struct GatheredRows {
  Index rows = 0;
  ActivationType x_type = ActivationType::F32, y_type = ActivationType::F32;
  FunctionRef<void(const RowBlock& block, Activations x)> gather;
  FunctionRef<void(const RowBlock& block, Activations y)> take;
};

}  // namespace sapiens

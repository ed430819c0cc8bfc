#pragma once

#include "rows.hpp"

namespace sapiens {

/// Registers oneDNN's matmul for every linear layer: onednn/f32/..., onednn/bf16/... and
/// onednn/s8/..., the last without the quantisation of x that the own kernel includes.
void add_onednn_rows(const Peaks& peaks);

}  // namespace sapiens

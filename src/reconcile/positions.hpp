#pragma once

#include <span>

#include "sapiens/report.hpp"
#include "sapiens/tensor_view.hpp"

namespace sapiens {

/// Resizes a position table [source.patches(), C] to [target.patches(), C]: bicubic (a = -0.75),
/// half-pixel centres, edge clamp, no antialiasing; the arithmetic of PyTorch's
/// `upsample_bicubic2d` on a CPU with FMA, bit for bit.
void resize_positions(ConstMatrix from, Grid source, Matrix to, Grid target);

}  // namespace sapiens

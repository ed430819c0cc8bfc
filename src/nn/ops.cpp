#include "nn/ops.hpp"

#include <algorithm>

#include "nn/scratch.hpp"

namespace sapiens {

// The sizes of the matrices do not matter to today's kernels beyond the head dimension.
std::size_t Ops::workspace_bytes(Index rows, Index width, Index, Index heads) const {
  const Index attention =
      kernels_->attention_f32.scratch_bytes(rows, width / std::max<Index>(1, heads));
  return WorkerScratch::total(pool_->threads(),
                              std::max(kernels_->linear_f32.scratch_bytes, attention));
}

}  // namespace sapiens

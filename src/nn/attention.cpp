#include <cassert>
#include <cmath>
#include <string>

#include "nn/ops.hpp"
#include "nn/scratch.hpp"
#include "nn/split.hpp"
#include "sapiens/error.hpp"

namespace sapiens {

// A task is one head and one block of queries. N = tokens, C = width, D = head dimension.
void Ops::attention(ConstActivations qkv, Index heads, Activations y, Workspace& ws) const {
  const Index N = y.rows(), C = y.columns();
  assert(qkv.type() == y.type());
  expect_shape("attention: qkv", qkv, {N, 3 * C});
  if (heads <= 0 || C % heads != 0) {
    throw Error(ErrorCode::InvalidArgument,
                {.summary = "the width does not divide into the attention heads",
                 .expected = "a divisor of " + std::to_string(C),
                 .actual = std::to_string(heads) + " heads"});
  }
  const Index D = C / heads;
  const AttentionKernel& kernel = attention_kernel();
  const Workspace::Scope scope(ws);
  const WorkerScratch scratch(ws, pool_->threads(), kernel.scratch_bytes(N, D));
  if (ws.only_measures()) return;

  const double products =
      2 * static_cast<double>(N) * static_cast<double>(N) * static_cast<double>(C);
  const Profile::Timer timer(profile_, "attention",
                             {.arithmetic = arithmetic(kernel), .operations = 2 * products});
  // With enough heads every thread is busy however many blocks a head has.
  const Index threads = heads % pool_->threads() == 0 ? 1 : pool_->threads();
  const Split blocks = even_split(N, kernel.row_tile, kernel.row_block, threads);

  pool_->parallel_tasks(heads * blocks.parts, [&](Index task, int worker) {
    const Index column = task / blocks.parts * D;
    const auto [row, count] = blocks.range(task % blocks.parts);
    kernel.run({.q = qkv.at(row, column),
                .k = qkv.at(0, C + column),
                .v = qkv.at(0, 2 * C + column),
                .y = y.at(row, column),
                .type = y.type(),
                .rows = count,
                .tokens = N,
                .head_dim = D,
                .stride = qkv.stride(),
                .y_stride = y.stride(),
                .scale = 1.0f / std::sqrt(static_cast<float>(D)),
                .scratch = scratch[worker]});
  });
}

}  // namespace sapiens

#include <algorithm>
#include <cassert>
#include <cmath>
#include <string>

#include "nn/ops.hpp"
#include "nn/scratch.hpp"
#include "nn/split.hpp"
#include "sapiens/error.hpp"

namespace sapiens {

AttentionShape attention_shape(Index width, Index heads) {
  if (heads <= 0 || width % heads != 0) {
    throw Error(ErrorCode::InvalidArgument,
                {.summary = "the width does not divide into the attention heads",
                 .expected = "a divisor of " + std::to_string(width),
                 .actual = std::to_string(heads) + " heads"});
  }
  return {.heads = heads, .kv_heads = heads, .head_dim = width / heads};
}

void expect_heads(const AttentionShape& s) {
  if (s.heads > 0 && s.kv_heads > 0 && s.head_dim > 0 && s.heads % s.kv_heads == 0) return;
  throw Error(ErrorCode::InvalidArgument,
              {.summary = "the query heads do not share the key heads evenly",
               .expected = "key heads of at least one dimension, in a number that divides " +
                           std::to_string(s.heads),
               .actual = std::to_string(s.kv_heads) + " key heads of " +
                         std::to_string(s.head_dim) + " dimensions"});
}

// A task is the query heads that share one key head, and one block of queries. N = tokens, C =
// width, D = head dimension.
void Ops::attention(ConstActivations qkv, const AttentionShape& shape, Activations y,
                    Workspace& ws) const {
  const Index N = y.rows(), C = shape.width(), D = shape.head_dim;
  assert(qkv.type() == y.type());
  expect_heads(shape);
  expect_shape("attention: qkv", qkv, {N, shape.columns()});
  expect_shape("attention: output", y, {N, C});
  const AttentionKernel& kernel = attention_kernel();
  const Workspace::Scope scope(ws);
  const WorkerScratch scratch(ws, pool_->threads(), kernel.scratch_bytes(N, D));
  if (ws.only_measures()) return;

  const double products =
      2 * static_cast<double>(N) * static_cast<double>(N) * static_cast<double>(C);
  const Profile::Timer timer(profile_, "attention",
                             {.arithmetic = arithmetic(kernel), .operations = 2 * products});
  const Index key_block = kernel.key_block == nullptr ? AttentionArgs().key_block
                                                      : kernel.key_block(D, kernels_->l2_bytes);
  // Keys and values are packed once for all heads of a call.
  const Index group = shape.heads / shape.kv_heads;
  const Index per_call = std::min(group, kernel.row_block / kernel.row_tile);
  const Index most_rows = kernel.row_block / per_call / kernel.row_tile * kernel.row_tile;
  // With enough heads every thread is busy however many blocks a head has.
  const Index threads = shape.kv_heads % pool_->threads() == 0 ? 1 : pool_->threads();
  const Split blocks = even_split(N, kernel.row_tile, most_rows, threads);

  pool_->parallel_tasks(shape.kv_heads * blocks.parts, [&](Index task, int worker) {
    const Index kv_head = task / blocks.parts, first_head = kv_head * group;
    const auto [row, count] = blocks.range(task % blocks.parts);
    for (Index head = first_head; head < first_head + group; head += per_call) {
      kernel.run({.q = qkv.at(row, head * D),
                  .k = qkv.at(0, C + kv_head * D),
                  .v = qkv.at(0, C + shape.kv_width() + kv_head * D),
                  .y = y.at(row, head * D),
                  .type = y.type(),
                  .rows = count,
                  .tokens = N,
                  .head_dim = D,
                  .stride = qkv.stride(),
                  .y_stride = y.stride(),
                  .heads = std::min(per_call, first_head + group - head),
                  .head_stride = D,
                  .key_block = key_block,
                  .scale = 1.0f / std::sqrt(static_cast<float>(D)),
                  .scratch = scratch[worker]});
    }
  });
}

}  // namespace sapiens

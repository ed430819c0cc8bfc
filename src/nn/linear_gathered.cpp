#include <algorithm>

#include "nn/gathered_rows.hpp"
#include "nn/ops.hpp"
#include "nn/scratch.hpp"
#include "nn/split.hpp"

namespace sapiens {
namespace {

// The scratch memory of a worker: what the kernel wants, a block of x, a block of y. Offsets in
// bytes.
struct BlockScratch {
  BlockScratch(const LinearWeights& w, Index rows, Index rows_per_call, ActivationType x_type,
               ActivationType y_type) noexcept
      : x(rounded(static_cast<std::size_t>(w.kernel->scratch_bytes(w.in, rows_per_call)))),
        y(x + rounded(activation_bytes(x_type, rows, w.in))),
        end(y + rounded(activation_bytes(y_type, rows, w.out))) {}

  static Index rounded(std::size_t bytes) noexcept {
    return static_cast<Index>(Workspace::rounded(bytes));
  }

  Index x, y, end;
};

// The most rows of a block. Statistics are taken block by block, so that this must not depend on
// the sizes of caches.
Index most_rows(const LinearWeights& w) noexcept {
  constexpr Index kRows = 128;
  return kRows / w.kernel->row_tile * w.kernel->row_tile;
}

}  // namespace

Split Ops::row_blocks(const LinearWeights& w, Index rows) const noexcept {
  return even_split(rows, w.kernel->row_tile, most_rows(w), 1);
}

void Ops::linear_gathered(std::span<const LinearWeights> layers, const GatheredRows& rows,
                          Workspace& ws) const {
  const LinearWeights& first = layers.front();
  const Split blocks = row_blocks(first, rows.rows);
  const Index per_call =
      std::min(most_rows(first), first.kernel->row_block(first.in, kernels_->l2_bytes));
  const BlockScratch places(first, most_rows(first), per_call, rows.x_type, rows.y_type);
  const Workspace::Scope scope(ws);
  const WorkerScratch scratch(ws, pool_->threads(), places.end);
  if (ws.only_measures()) return;

  const double products = static_cast<double>(rows.rows) *
                          static_cast<double>(first.in * first.out * std::ssize(layers));
  const Profile::Timer timer(profile_, first.name,
                             {.arithmetic = arithmetic(*first.kernel), .operations = 2 * products});
  pool_->parallel_tasks(std::ssize(layers) * blocks.parts, [&](Index task, int worker) {
    const auto [row, count] = blocks.range(task % blocks.parts);
    const RowBlock block{
        .layer = task / blocks.parts, .part = task % blocks.parts, .first = row, .rows = count};
    const LinearWeights& w = layers[static_cast<std::size_t>(block.layer)];
    auto* const base = static_cast<std::byte*>(scratch[worker]);
    const Activations x(base + places.x, rows.x_type, count, w.in, w.in);
    const Activations y(base + places.y, rows.y_type, count, w.out, w.out);
    rows.gather(block, x);
    for (Index done = 0; done < count; done += per_call) {
      w.kernel->run({.x = x.at(done, 0),
                     .weight = w.weight.data(),
                     .bias = w.bias.data(),
                     .y = y.at(done, 0),
                     .x_type = x.type(),
                     .y_type = y.type(),
                     .rows = std::min(per_call, count - done),
                     .in = w.in,
                     .out = w.out,
                     .x_stride = x.stride(),
                     .y_stride = y.stride(),
                     .first_column = 0,
                     .columns = w.out,
                     .epilogue = Epilogue::Store,
                     .scratch = base});
    }
    rows.take(block, y);
  });
}

}  // namespace sapiens

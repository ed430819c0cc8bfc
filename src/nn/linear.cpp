#include <algorithm>

#include "nn/ops.hpp"
#include "nn/scratch.hpp"
#include "nn/split.hpp"

namespace sapiens {

Index Ops::packed_bytes(Index out, Index in) const {
  return kernels_->linear_f32.packed_bytes(out, in);
}

LinearWeights Ops::make_linear(Index out, Index in) const {
  return {.weight = AlignedBuffer<std::byte>(packed_bytes(out, in)),
          .bias = AlignedBuffer<float>(out),
          .in = in,
          .out = out};
}

LinearWeights Ops::pack_linear(ConstMatrix weight, std::span<const float> bias) const {
  const auto [out, in] = weight.extents();
  if (!bias.empty()) {
    expect_shape("linear: bias", TensorView<const float, 1>(bias.data(), {std::ssize(bias)}),
                 {out});
  }
  LinearWeights linear = make_linear(out, in);
  std::copy(bias.begin(), bias.end(), linear.bias.data());
  pack_rows(linear, 0, weight);
  return linear;
}

void Ops::pack_rows(LinearWeights& linear, Index first_row, ConstMatrix rows) const {
  const Index count = rows.extent(0);
  expect_shape("linear: rows of the weight", rows, {kAny, linear.in});
  if (first_row < 0 || count > linear.out - first_row) {
    throw_shape_mismatch("linear: rows of the weight", std::array{linear.out, linear.in},
                         std::array{first_row + count, linear.in});
  }
  // Cut at tile borders of the packed order, so that no two threads write to the same tile.
  const LinearKernel& kernel = kernels_->linear_f32;
  const Index first_tile = first_row / kernel.column_tile;
  const Index end_tile = ceil_div(first_row + count, kernel.column_tile);
  pool_->parallel_for(end_tile - first_tile, [&](Index begin, Index end) {
    const Index from = std::max(first_row, (first_tile + begin) * kernel.column_tile);
    const Index to = std::min(first_row + count, (first_tile + end) * kernel.column_tile);
    kernel.pack({.weight = rows.data() + (from - first_row) * rows.strides()[0],
                 .out = linear.out,
                 .in = linear.in,
                 .first_row = from,
                 .rows = to - from,
                 .stride = rows.strides()[0],
                 .packed = linear.weight.data()});
  });
}

void Ops::linear(ConstMatrix x, const LinearWeights& w, Matrix y, Workspace& ws) const {
  run_linear(x, w, y, Epilogue::Store, ws);
}

void Ops::linear_gelu(ConstMatrix x, const LinearWeights& w, Matrix y, Workspace& ws) const {
  run_linear(x, w, y, Epilogue::Gelu, ws);
}

void Ops::linear_add(ConstMatrix x, const LinearWeights& w, Matrix y, Workspace& ws) const {
  run_linear(x, w, y, Epilogue::Add, ws);
}

void Ops::run_linear(ConstMatrix x, const LinearWeights& w, Matrix y, Epilogue epilogue,
                     Workspace& ws) const {
  const Index rows = x.extent(0);
  expect_shape("linear: input", x, {rows, w.in});
  expect_shape("linear: output", y, {rows, w.out});

  const LinearKernel& kernel = kernels_->linear_f32;
  const Workspace::Scope scope(ws);
  const WorkerScratch scratch(ws, pool_->threads(), kernel.scratch_bytes);
  const Split row_split = even_split(rows, kernel.row_tile, kernel.row_block, pool_->threads());
  // Few rows, many threads: cut the columns as well.
  const Index per_block = ceil_div(pool_->threads(), std::max<Index>(1, row_split.parts));
  const Split column_split = split_into(w.out, kernel.column_tile, per_block);

  pool_->parallel_tasks(row_split.parts * column_split.parts, [&](Index task, int worker) {
    const auto [row, row_count] = row_split.range(task / column_split.parts);
    const auto [column, column_count] = column_split.range(task % column_split.parts);
    kernel.run({.x = x.data() + row * x.strides()[0],
                .weight = w.weight.data(),
                .bias = w.bias.data(),
                .y = y.data() + row * y.strides()[0],
                .rows = row_count,
                .in = w.in,
                .out = w.out,
                .x_stride = x.strides()[0],
                .y_stride = y.strides()[0],
                .first_column = column,
                .columns = column_count,
                .epilogue = epilogue,
                .scratch = scratch[worker]});
  });
}

}  // namespace sapiens

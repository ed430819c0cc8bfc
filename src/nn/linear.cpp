#include <algorithm>

#include "nn/ops.hpp"
#include "nn/scratch.hpp"
#include "nn/split.hpp"

namespace sapiens {

LinearWeights Ops::make_linear(Index out, Index in, DType stored) const {
  const LinearKernel& kernel = linear_kernel(stored);
  return {.kernel = &kernel,
          .weight = AlignedBuffer<std::byte>(kernel.packed_bytes(out, in)),
          .bias = AlignedBuffer<float>(out),
          .in = in,
          .out = out};
}

LinearWeights Ops::pack_linear(ConstMatrix weight, std::span<const float> bias,
                               DType stored) const {
  const auto [out, in] = weight.extents();
  if (!bias.empty()) {
    expect_shape("linear: bias", TensorView<const float, 1>(bias.data(), {std::ssize(bias)}),
                 {out});
  }
  LinearWeights linear = make_linear(out, in, stored);
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
  const LinearKernel& kernel = *linear.kernel;
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

void Ops::linear(ConstActivations x, const LinearWeights& w, Activations y, Workspace& ws) const {
  run_linear(x, w, y, Epilogue::Store, ws);
}

void Ops::linear_gelu(ConstActivations x, const LinearWeights& w, Activations y,
                      Workspace& ws) const {
  run_linear(x, w, y, Epilogue::Gelu, ws);
}

void Ops::linear_add(ConstActivations x, const LinearWeights& w, Matrix y, Workspace& ws) const {
  run_linear(x, w, y, Epilogue::Add, ws);
}

void Ops::run_linear(ConstActivations x, const LinearWeights& w, Activations y, Epilogue epilogue,
                     Workspace& ws) const {
  const Index rows = x.rows();
  expect_shape("linear: input", x, {rows, w.in});
  expect_shape("linear: output", y, {rows, w.out});
  const LinearKernel& kernel = *w.kernel;
  const Workspace::Scope scope(ws);
  const WorkerScratch scratch(ws, pool_->threads(), kernel.scratch_bytes(w.in));
  if (ws.only_measures()) return;

  const double products = static_cast<double>(rows) * static_cast<double>(w.in * w.out);
  const Profile::Timer timer(profile_, w.name,
                             {.arithmetic = arithmetic(kernel), .operations = 2 * products});
  const Split row_split =
      even_split(rows, kernel.row_tile, kernel.row_block(w.in), pool_->threads());
  // Few rows, many threads: cut the columns as well.
  const Index per_block = ceil_div(pool_->threads(), std::max<Index>(1, row_split.parts));
  const Split column_split = split_into(w.out, kernel.column_tile, per_block);

  pool_->parallel_tasks(row_split.parts * column_split.parts, [&](Index task, int worker) {
    const auto [row, row_count] = row_split.range(task / column_split.parts);
    const auto [column, column_count] = column_split.range(task % column_split.parts);
    kernel.run({.x = x.at(row, 0),
                .weight = w.weight.data(),
                .bias = w.bias.data(),
                .y = y.at(row, 0),
                .x_type = x.type(),
                .y_type = y.type(),
                .rows = row_count,
                .in = w.in,
                .out = w.out,
                .x_stride = x.stride(),
                .y_stride = y.stride(),
                .first_column = column,
                .columns = column_count,
                .epilogue = epilogue,
                .scratch = scratch[worker]});
  });
}

}  // namespace sapiens

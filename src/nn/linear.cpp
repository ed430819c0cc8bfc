#include <algorithm>
#include <cassert>
#include <numeric>
#include <string>

#include "nn/expect.hpp"
#include "nn/ops.hpp"
#include "nn/scratch.hpp"
#include "nn/split.hpp"
#include "sapiens/error.hpp"

namespace sapiens {

LinearWeights Ops::make_linear(Index out, Index in, DType stored, bool quantized) const {
  const LinearKernel& kernel = linear_kernel(stored, quantized);
  return {.kernel = &kernel,
          .weight = AlignedBuffer<std::byte>(kernel.packed_bytes(out, in)),
          .bias = AlignedBuffer<float>(out),
          .in = in,
          .out = out};
}

LinearWeights Ops::pack_linear(ConstMatrix weight, std::span<const float> bias,
                               DType stored) const {
  const auto [out, in] = weight.extents();
  if (!bias.empty()) expect_vector("linear: bias", bias, out);
  LinearWeights linear = make_linear(out, in, stored);
  std::copy(bias.begin(), bias.end(), linear.bias.data());
  pack_rows(linear, 0, weight);
  return linear;
}

void Ops::pack_rows(LinearWeights& linear, Index first_row, ConstMatrix rows) const {
  assert(!linear.gated);
  const Index end_row = expect_rows_of_weight(linear, first_row, rows);
  // Cut at tile borders of the packed order, so that no two threads write to the same tile.
  const LinearKernel& kernel = *linear.kernel;
  const Index first_tile = first_row / kernel.column_tile;
  const Index end_tile = ceil_div(end_row, kernel.column_tile);
  pool_->parallel_for(end_tile - first_tile, [&](Index begin, Index end) {
    const Index from = std::max(first_row, (first_tile + begin) * kernel.column_tile);
    const Index to = std::min(end_row, (first_tile + end) * kernel.column_tile);
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
  run_linear(x, w, y, {.epilogue = Epilogue::Store}, ws);
}

void Ops::linear_gelu(ConstActivations x, const LinearWeights& w, Activations y,
                      Workspace& ws) const {
  run_linear(x, w, y, {.epilogue = Epilogue::Gelu}, ws);
}

void Ops::linear_add(ConstActivations x, const LinearWeights& w, Matrix y, Workspace& ws) const {
  run_linear(x, w, y, {.epilogue = Epilogue::Add}, ws);
}

void Ops::linear_add_scaled(ConstActivations x, const LinearWeights& w,
                            std::span<const float> factor, Matrix y, Workspace& ws) const {
  expect_vector("linear: factor", factor, w.out);
  run_linear(x, w, y, {.epilogue = Epilogue::AddScaled, .factor = factor.data()}, ws);
}

void Ops::linear_swiglu(ConstActivations x, const LinearWeights& gated, Activations y,
                        Workspace& ws) const {
  run_linear(x, gated, y, {.epilogue = Epilogue::SwiGlu}, ws);
}

void Ops::linear_qkv(ConstActivations x, const LinearWeights& w, const AttentionShape& shape,
                     const RotaryNorm& norm, Activations y, Workspace& ws) const {
  const Index D = shape.head_dim;
  expect_heads(shape);
  if (D % 2 != 0) {
    throw Error(ErrorCode::InvalidArgument,
                {.summary = "only an even head dimension can be rotated",
                 .expected = "an even number",
                 .actual = std::to_string(D)});
  }
  expect_shape("linear_qkv: output", y, {kAny, shape.columns()});
  expect_vector("linear_qkv: gamma of q", norm.q_gamma, D);
  expect_vector("linear_qkv: gamma of k", norm.k_gamma, D);
  expect_shape("linear_qkv: rotations", norm.rotations, {kAny, D});
  const Index tokens = norm.rotations.extent(0);
  if (tokens == 0 || x.rows() % tokens != 0) {
    throw Error(ErrorCode::ShapeMismatch, {.summary = "the rows are no whole number of images",
                                           .expected = "a multiple of " + std::to_string(tokens),
                                           .actual = std::to_string(x.rows())});
  }
  const RotaryHeads heads{.q_gamma = norm.q_gamma.data(),
                          .k_gamma = norm.k_gamma.data(),
                          .rotations = norm.rotations.data(),
                          .stride = norm.rotations.strides()[0],
                          .tokens = tokens,
                          .heads = shape.heads,
                          .kv_heads = shape.kv_heads,
                          .head_dim = D,
                          .epsilon = 1e-6f};
  run_linear(x, w, y, {.epilogue = Epilogue::NormRotate, .heads = &heads, .unit = D}, ws);
}

void Ops::run_linear(ConstActivations x, const LinearWeights& w, Activations y,
                     const LinearEnd& end, Workspace& ws) const {
  const Index rows = x.rows();
  assert(w.gated == (end.epilogue == Epilogue::SwiGlu));
  expect_shape("linear: input", x, {rows, w.in});
  expect_shape("linear: output", y, {rows, w.gated ? w.out / 2 : w.out});
  const LinearKernel& kernel = *w.kernel;
  const Index row_block = kernel.row_block(w.in, kernels_->l2_bytes);
  const Workspace::Scope scope(ws);
  const WorkerScratch scratch(ws, pool_->threads(), kernel.scratch_bytes(w.in, row_block));
  if (ws.only_measures()) return;

  const double products = static_cast<double>(rows) * static_cast<double>(w.in * w.out);
  const Profile::Timer timer(profile_, w.name,
                             {.arithmetic = arithmetic(kernel), .operations = 2 * products});
  const Split row_split = even_split(rows, kernel.row_tile, row_block, pool_->threads());
  // Few rows, many threads: cut the columns as well.
  const Index per_block = ceil_div(pool_->threads(), std::max<Index>(1, row_split.parts));
  const Split column_split = split_into(w.out, std::lcm(kernel.column_tile, end.unit), per_block);

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
                .epilogue = end.epilogue,
                .factor = end.factor,
                .heads = end.heads,
                .first_row = row,
                .scratch = scratch[worker]});
  });
}

}  // namespace sapiens

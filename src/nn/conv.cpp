#include <cstring>
#include <vector>

#include "nn/channel_statistics.hpp"
#include "nn/gathered_rows.hpp"
#include "nn/ops.hpp"

namespace sapiens {
namespace {

// The inputs of a block of rows of one phase, zero outside the map.
void gather_taps(ConstActivations x, Grid size, const RowBlock& block, Activations taps) {
  const Index a = block.layer / 2, b = block.layer % 2, in = x.columns();
  const std::size_t bytes = activation_bytes(x.type(), 1, in);
  for (Index r = 0; r < block.rows; ++r) {
    const Index i = (block.first + r) / size.width, j = (block.first + r) % size.width;
    for (Index t = 0; t < 4; ++t) {
      const Index row = i + a - 1 + t / 2, column = j + b - 1 + t % 2;
      std::byte* const tap = taps.at(r, t * in);
      if (row < 0 || row >= size.height || column < 0 || column >= size.width) {
        std::memset(tap, 0, bytes);
      } else {
        std::memcpy(tap, x.at(row * size.width + column, 0), bytes);
      }
    }
  }
}

// The rows of a phase to their pixels, two apart.
void scatter_phase(ConstActivations rows, Grid size, const RowBlock& block, Activations y) {
  const Index a = block.layer / 2, b = block.layer % 2;
  const std::size_t bytes = activation_bytes(y.type(), 1, y.columns());
  for (Index r = 0; r < block.rows; ++r) {
    const Index i = (block.first + r) / size.width, j = (block.first + r) % size.width;
    std::memcpy(y.at((2 * i + a) * 2 * size.width + 2 * j + b, 0), rows.at(r, 0), bytes);
  }
}

void copy_map_rows(ConstActivations from, Activations to) {
  const std::size_t bytes = activation_bytes(to.type(), 1, to.columns());
  for (Index r = 0; r < from.rows(); ++r) std::memcpy(to.at(r, 0), from.at(r, 0), bytes);
}

void normalize_rows(const KernelTable& kernels, ConstActivations x, const ChannelNorm& norm,
                    Activations y) {
  kernels.normalize_silu({.x = x.data(),
                          .y = y.data(),
                          .x_type = x.type(),
                          .y_type = y.type(),
                          .rows = x.rows(),
                          .width = x.columns(),
                          .x_stride = x.stride(),
                          .y_stride = y.stride(),
                          .mean = norm.mean.data(),
                          .scale = norm.scale.data()});
}

}  // namespace

DeconvWeights Ops::make_deconv(Index out, Index in, DType stored) const {
  DeconvWeights weights{.phases = {}, .in = in, .out = out};
  for (LinearWeights& phase : weights.phases) {
    phase = make_linear(out, 4 * in, stored);
    phase.name = "deconv";
  }
  return weights;
}

void Ops::pack_deconv(DeconvWeights& weights, Index first_out,
                      TensorView<const float, 3> slice) const {
  const auto [in, n, taps] = slice.extents();
  expect_shape("deconv: slice of the weight", slice, {weights.in, kAny, 16});
  std::vector<float> rows(static_cast<std::size_t>(n * 4 * in));
  for (Index phase = 0; phase < 4; ++phase) {
    for (Index o = 0; o < n; ++o) {
      for (Index t = 0; t < 4; ++t) {
        float* const row = rows.data() + (o * 4 + t) * in;
        const float* const from = slice[0][o].data() + deconv_tap(phase, t);
        for (Index c = 0; c < in; ++c) row[c] = from[c * slice.strides()[0]];
      }
    }
    pack_rows(weights.phases[static_cast<std::size_t>(phase)], first_out,
              ConstMatrix(rows.data(), {n, 4 * in}));
  }
}

void Ops::deconv(ConstActivations x, Grid size, const DeconvWeights& w, Activations y,
                 const ChannelNorm& of_y, Workspace& ws) const {
  expect_shape("deconv: input", x, {size.patches(), w.in});
  expect_shape("deconv: output", y, {4 * size.patches(), w.out});
  const Workspace::Scope scope(ws);
  ChannelStatistics statistics(row_blocks(w.phases[0], x.rows()), 4, w.out, ws);
  linear_gathered(w.phases,
                  {.rows = x.rows(),
                   .x_type = x.type(),
                   .y_type = y.type(),
                   .gather = [&](const RowBlock& block,
                                 Activations taps) { gather_taps(x, size, block, taps); },
                   .take =
                       [&](const RowBlock& block, Activations rows) {
                         statistics.add(*kernels_, block, rows);
                         scatter_phase(rows, size, block, y);
                       }},
                  ws);
  if (!ws.only_measures()) statistics.finish(*pool_, of_y.mean, of_y.scale);
}

void Ops::pointwise(ConstActivations x, const ChannelNorm* of_x, const LinearWeights& w,
                    Activations y, const ChannelNorm* of_y, Workspace& ws) const {
  expect_shape("convolution: input", x, {kAny, w.in});
  expect_shape("convolution: output", y, {x.rows(), w.out});
  const Workspace::Scope scope(ws);
  ChannelStatistics statistics(row_blocks(w, x.rows()), of_y == nullptr ? 0 : 1, w.out, ws);
  linear_gathered({&w, 1},
                  {.rows = x.rows(),
                   .x_type = of_x == nullptr ? x.type() : activation_type(),
                   .y_type = y.type(),
                   .gather =
                       [&](const RowBlock& block, Activations rows) {
                         const ConstActivations from = x.rows_from(block.first, block.rows);
                         if (of_x == nullptr) return copy_map_rows(from, rows);
                         normalize_rows(*kernels_, from, *of_x, rows);
                       },
                   .take =
                       [&](const RowBlock& block, Activations rows) {
                         if (of_y != nullptr) statistics.add(*kernels_, block, rows);
                         copy_map_rows(rows, y.rows_from(block.first, block.rows));
                       }},
                  ws);
  if (of_y != nullptr && !ws.only_measures()) statistics.finish(*pool_, of_y->mean, of_y->scale);
}

void Ops::normalize_silu(Activations x, const ChannelNorm& norm, Workspace& ws) const {
  if (ws.only_measures()) return;
  const std::size_t bytes = 2 * activation_bytes(x.type(), x.rows(), x.columns());
  const Profile::Timer timer(profile_, "normalize_silu", {.bytes = static_cast<double>(bytes)});
  pool_->parallel_for(x.rows(), [&](Index begin, Index end) {
    const Activations rows = x.rows_from(begin, end - begin);
    normalize_rows(*kernels_, rows, norm, rows);
  });
}

}  // namespace sapiens

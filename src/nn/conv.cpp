#include "nn/conv.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <vector>

#include "nn/channel_statistics.hpp"

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

void copy_rows(ConstActivations from, Activations to) {
  const std::size_t bytes = activation_bytes(to.type(), 1, to.columns());
  for (Index r = 0; r < from.rows(); ++r) std::memcpy(to.at(r, 0), from.at(r, 0), bytes);
}

void normalize_rows(const Ops& ops, ConstActivations x, const ChannelNorm& norm, Activations y) {
  ops.kernels().normalize_silu({.x = x.data(),
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

DeconvWeights make_deconv(const Ops& ops, Index out, Index in, DType stored) {
  DeconvWeights weights{.phases = {}, .in = in, .out = out};
  for (LinearWeights& phase : weights.phases) {
    phase = ops.make_linear(out, 4 * in, stored);
    phase.name = "deconv";
  }
  return weights;
}

void pack_deconv(const Ops& ops, DeconvWeights& weights, Index first_out,
                 TensorView<const float, 3> slice) {
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
    ops.pack_rows(weights.phases[static_cast<std::size_t>(phase)], first_out,
                  ConstMatrix(rows.data(), {n, 4 * in}));
  }
}

ChannelNorm take_channel_norm(Workspace& ws, Index channels) {
  return {.mean = ws.floats(channels), .scale = ws.floats(channels)};
}

void deconv(const Ops& ops, ConstActivations x, Grid size, const DeconvWeights& w, Activations y,
            const ChannelNorm& of_y, Workspace& ws) {
  expect_shape("deconv: input", x, {size.patches(), w.in});
  expect_shape("deconv: output", y, {4 * size.patches(), w.out});
  const Workspace::Scope scope(ws);
  ChannelStatistics statistics(ops.row_blocks(w.phases[0], x.rows()), 4, w.out, ws);
  ops.linear_gathered(w.phases,
                      {.rows = x.rows(),
                       .x_type = x.type(),
                       .y_type = y.type(),
                       .gather = [&](const RowBlock& block,
                                     Activations taps) { gather_taps(x, size, block, taps); },
                       .take =
                           [&](const RowBlock& block, Activations rows) {
                             statistics.add(ops.kernels(), block, rows);
                             scatter_phase(rows, size, block, y);
                           }},
                      ws);
  statistics.finish(ops.pool(), of_y.mean, of_y.scale);
}

void pointwise(const Ops& ops, ConstActivations x, const ChannelNorm* of_x, const LinearWeights& w,
               Activations y, const ChannelNorm* of_y, Workspace& ws) {
  expect_shape("convolution: input", x, {kAny, w.in});
  expect_shape("convolution: output", y, {x.rows(), w.out});
  const Workspace::Scope scope(ws);
  ChannelStatistics statistics(ops.row_blocks(w, x.rows()), of_y == nullptr ? 0 : 1, w.out, ws);
  ops.linear_gathered({&w, 1},
                      {.rows = x.rows(),
                       .x_type = of_x == nullptr ? x.type() : ops.activation_type(),
                       .y_type = y.type(),
                       .gather =
                           [&](const RowBlock& block, Activations rows) {
                             const ConstActivations from = x.rows_from(block.first, block.rows);
                             if (of_x == nullptr) return copy_rows(from, rows);
                             normalize_rows(ops, from, *of_x, rows);
                           },
                       .take =
                           [&](const RowBlock& block, Activations rows) {
                             if (of_y != nullptr) statistics.add(ops.kernels(), block, rows);
                             copy_rows(rows, y.rows_from(block.first, block.rows));
                           }},
                      ws);
  if (of_y != nullptr) statistics.finish(ops.pool(), of_y->mean, of_y->scale);
}

void normalize_silu(const Ops& ops, Activations x, const ChannelNorm& norm) {
  const std::size_t bytes = 2 * activation_bytes(x.type(), x.rows(), x.columns());
  const Profile::Timer timer(ops.profile(), "normalize_silu",
                             {.bytes = static_cast<double>(bytes)});
  ops.pool().parallel_for(x.rows(), [&](Index begin, Index end) {
    const Activations rows = x.rows_from(begin, end - begin);
    normalize_rows(ops, rows, norm, rows);
  });
}

std::size_t deconv_workspace_bytes(const Ops& ops, Index pixels, const DeconvWeights& w,
                                   ActivationType x_type, ActivationType y_type) {
  return ChannelStatistics::bytes(ops.row_blocks(w.phases[0], pixels), 4, w.out) +
         ops.gathered_bytes(w.phases[0], x_type, y_type);
}

std::size_t pointwise_workspace_bytes(const Ops& ops, Index pixels, const LinearWeights& w,
                                      ActivationType x_type, ActivationType y_type) {
  return ChannelStatistics::bytes(ops.row_blocks(w, pixels), 1, w.out) +
         ops.gathered_bytes(w, x_type, y_type);
}

}  // namespace sapiens

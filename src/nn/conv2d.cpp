#include <algorithm>
#include <cassert>
#include <cstring>
#include <vector>

#include "nn/gathered_rows.hpp"
#include "nn/ops.hpp"
#include "nn/silu.hpp"

namespace sapiens {
namespace {

constexpr std::size_t float_bytes(Index count) noexcept {
  return static_cast<std::size_t>(count) * sizeof(float);
}

// `count` pixels of a map, side by side.
void copy_pixels(ConstActivations x, Index pixel, Index count, std::byte* to) {
  const std::size_t bytes = float_bytes(x.columns());
  if (x.stride() == x.columns()) {
    std::memcpy(to, x.at(pixel, 0), bytes * static_cast<std::size_t>(count));
    return;
  }
  for (Index i = 0; i < count; ++i, to += bytes) std::memcpy(to, x.at(pixel + i, 0), bytes);
}

// The pixels under the kernel for each output of a block, zero outside the map.
void gather_pixels(ConstActivations x, Grid size, const Conv2dWeights& w, const RowBlock& block,
                   Activations patches) {
  const Index out_width = conv2d_size(size, w.stride).width, in = w.in, k = w.kernel;
  for (Index r = 0; r < block.rows; ++r) {
    const Index top = (block.first + r) / out_width * w.stride - k / 2;
    const Index left = (block.first + r) % out_width * w.stride - k / 2;
    const Index first = std::max(Index{0}, -left), end = std::min(k, size.width - left);
    for (Index i = 0; i < k; ++i) {
      std::byte* const row = patches.at(r, i * k * in);
      const Index y = top + i;
      if (y < 0 || y >= size.height) {
        std::memset(row, 0, float_bytes(k * in));
        continue;
      }
      std::memset(row, 0, float_bytes(first * in));
      copy_pixels(x, y * size.width + left + first, end - first, row + float_bytes(first * in));
      std::memset(row + float_bytes(end * in), 0, float_bytes((k - end) * in));
    }
  }
}

void copy_float_rows(ConstActivations from, Activations to) {
  for (Index r = 0; r < from.rows(); ++r) {
    std::memcpy(to.at(r, 0), from.at(r, 0), float_bytes(to.columns()));
  }
}

void add_rows(ConstActivations from, Activations to) {
  for (Index r = 0; r < from.rows(); ++r) {
    const auto* const add = reinterpret_cast<const float*>(from.at(r, 0));
    auto* const sum = reinterpret_cast<float*>(to.at(r, 0));
    for (Index c = 0; c < to.columns(); ++c) sum[c] += add[c];
  }
}

void finish_rows(const KernelTable& kernels, Activations z, ConvEnd end, Activations y) {
  switch (end) {
    case ConvEnd::Store:
      return copy_float_rows(z, y);
    case ConvEnd::Silu:
      return silu(kernels, z, y);
    case ConvEnd::AddSilu:
      silu(kernels, z, z);
      return add_rows(z, y);
  }
}

}  // namespace

Conv2dWeights Ops::pack_conv2d(std::string_view name, TensorView<const float, 4> weight,
                               std::span<const float> bias, Index stride) const {
  const Index out = weight.extent(0), in = weight.extent(1), k = weight.extent(2);
  expect_shape("convolution: weight", weight, {out, in, k, k});
  assert(k % 2 == 1 && stride >= 1);
  std::vector<float> rows(static_cast<std::size_t>(out * k * k * in));
  pool_->parallel_for(out, [&](Index begin, Index end) {
    for (Index o = begin; o < end; ++o) {
      float* const row = rows.data() + o * k * k * in;
      for (Index c = 0; c < in; ++c) {
        const float* const from = weight[o][c].data();
        for (Index tap = 0; tap < k * k; ++tap) row[tap * in + c] = from[tap];
      }
    }
  });
  Conv2dWeights packed{.linear = pack_linear(ConstMatrix(rows.data(), {out, k * k * in}), bias),
                       .in = in,
                       .kernel = k,
                       .stride = stride};
  packed.linear.name = name;
  return packed;
}

void Ops::conv2d(ConstActivations x, Grid size, const Conv2dWeights& w, ConvEnd end, Activations y,
                 Workspace& ws) const {
  expect_shape("convolution: input", x, {size.patches(), w.in});
  expect_shape("convolution: output", y, {conv2d_size(size, w.stride).patches(), w.linear.out});
  assert(x.type() == ActivationType::F32 && y.type() == ActivationType::F32);
  linear_gathered(
      {&w.linear, 1},
      {.rows = y.rows(),
       .x_type = ActivationType::F32,
       .y_type = ActivationType::F32,
       .gather = [&](const RowBlock& block,
                     Activations patches) { gather_pixels(x, size, w, block, patches); },
       .take =
           [&](const RowBlock& block, Activations z) {
             finish_rows(*kernels_, z, end, y.rows_from(block.first, block.rows));
           }},
      ws);
}

}  // namespace sapiens

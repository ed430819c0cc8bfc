#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstring>
#include <limits>

#include "nn/ops.hpp"
#include "nn/split.hpp"

namespace sapiens {
namespace {

const float* floats(ConstActivations x, Index row) {
  return reinterpret_cast<const float*>(x.at(row, 0));
}
float* floats(Activations x, Index row) { return reinterpret_cast<float*>(x.at(row, 0)); }

Work moved(ConstActivations x, Index times) {
  return {.bytes = static_cast<double>(activation_bytes(x.type(), x.rows(), x.columns())) *
                   static_cast<double>(times)};
}

void pool_pixel(ConstActivations x, Grid size, Index kernel, Index pixel, float* y) {
  const Index row = pixel / size.width, column = pixel % size.width, reach = kernel / 2;
  std::fill_n(y, x.columns(), -std::numeric_limits<float>::infinity());
  for (Index i = std::max(Index{0}, row - reach); i <= std::min(size.height - 1, row + reach);
       ++i) {
    for (Index j = std::max(Index{0}, column - reach);
         j <= std::min(size.width - 1, column + reach); ++j) {
      const float* const from = floats(x, i * size.width + j);
      for (Index c = 0; c < x.columns(); ++c) y[c] = std::max(y[c], from[c]);
    }
  }
}

// Blocks whose sums are taken one by one and then added: the same sums on any number of threads.
Split mean_blocks(Index pixels) noexcept { return even_split(pixels, 1, 256, 1); }

}  // namespace

void Ops::max_pool(ConstActivations x, Grid size, Index kernel, Activations y,
                   Workspace& ws) const {
  expect_shape("max pool: input", x, {size.patches(), kAny});
  expect_shape("max pool: output", y, {x.rows(), x.columns()});
  assert(x.type() == ActivationType::F32 && y.type() == ActivationType::F32 && kernel % 2 == 1);
  if (ws.only_measures()) return;
  const Profile::Timer timer(profile_, "max_pool", moved(x, kernel * kernel + 1));
  pool_->parallel_for(size.patches(), [&](Index begin, Index end) {
    for (Index pixel = begin; pixel < end; ++pixel) {
      pool_pixel(x, size, kernel, pixel, floats(y, pixel));
    }
  });
}

void Ops::upsample_nearest(ConstActivations x, Grid size, Activations y, Workspace& ws) const {
  expect_shape("upsample: input", x, {size.patches(), kAny});
  expect_shape("upsample: output", y, {4 * size.patches(), x.columns()});
  assert(x.type() == y.type());
  if (ws.only_measures()) return;
  const Profile::Timer timer(profile_, "upsample", moved(x, 5));
  const std::size_t bytes = activation_bytes(x.type(), 1, x.columns());
  const Index width = 2 * size.width;
  pool_->parallel_for(y.rows(), [&](Index begin, Index end) {
    for (Index pixel = begin; pixel < end; ++pixel) {
      const Index from = pixel / width / 2 * size.width + pixel % width / 2;
      std::memcpy(y.at(pixel, 0), x.at(from, 0), bytes);
    }
  });
}

void Ops::mean_of_pixels(ConstActivations x, const Split& blocks, Matrix sums, Matrix mean) const {
  const Profile::Timer timer(profile_, "channel_mean", moved(x, 1));
  pool_->parallel_tasks(blocks.parts, [&](Index part, int) {
    const auto [first, count] = blocks.range(part);
    float* const sum = sums[part].data();
    std::fill_n(sum, x.columns(), 0.0f);
    for (Index r = first; r < first + count; ++r) {
      const float* const from = floats(x, r);
      for (Index c = 0; c < x.columns(); ++c) sum[c] += from[c];
    }
  });
  for (Index c = 0; c < x.columns(); ++c) {
    double total = 0;
    for (Index part = 0; part < blocks.parts; ++part) total += sums[part].data()[c];
    mean.data()[c] = static_cast<float>(total / static_cast<double>(x.rows()));
  }
}

void Ops::channel_attention(Activations x, const LinearWeights& w, Workspace& ws) const {
  const Index C = x.columns();
  expect_shape("channel attention: input", x, {kAny, w.in});
  assert(x.type() == ActivationType::F32 && w.in == w.out);
  const Workspace::Scope scope(ws);
  const Split blocks = mean_blocks(x.rows());
  const Matrix sums = ws.matrix(blocks.parts, C);
  const Matrix mean = ws.matrix(1, C), gate = ws.matrix(1, C);
  if (!ws.only_measures()) mean_of_pixels(x, blocks, sums, mean);
  linear(mean, w, gate, ws);
  if (ws.only_measures()) return;
  for (float& g : gate.flat()) g = std::clamp(g / 6.0f + 0.5f, 0.0f, 1.0f);
  const Profile::Timer timer(profile_, "channel_scale", moved(x, 2));
  pool_->parallel_for(x.rows(), [&](Index begin, Index end) {
    for (Index r = begin; r < end; ++r) {
      float* const row = floats(x, r);
      for (Index c = 0; c < C; ++c) row[c] *= gate.data()[c];
    }
  });
}

void Ops::exp_scale(Matrix x, float factor, Workspace& ws) const {
  if (ws.only_measures()) return;
  for (float& value : x.flat()) value = std::exp(value) * factor;
}

}  // namespace sapiens

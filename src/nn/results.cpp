#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <vector>

#include "nn/ops.hpp"
#include "sapiens/features.hpp"

namespace sapiens {
namespace {

// [N, C] becomes [C, N].
void transpose(ConstMatrix patches, std::span<float> map) {
  const auto [N, C] = patches.extents();
  assert(std::ssize(map) == N * C);
  constexpr Index kTile = 32;  // 32 x 32 floats of both sides fit in the L1 cache
  for (Index n0 = 0; n0 < N; n0 += kTile) {
    for (Index c0 = 0; c0 < C; c0 += kTile) {
      for (Index c = c0; c < std::min(c0 + kTile, C); ++c) {
        for (Index n = n0; n < std::min(n0 + kTile, N); ++n) {
          map[static_cast<std::size_t>(c * N + n)] = patches[n][c];
        }
      }
    }
  }
}

std::vector<double> mean_of_rows(ConstMatrix rows) {
  const auto [N, C] = rows.extents();
  std::vector<double> mean(static_cast<std::size_t>(C));
  for (Index n = 0; n < N; ++n) {
    for (Index c = 0; c < C; ++c) mean[static_cast<std::size_t>(c)] += rows[n][c];
  }
  for (double& value : mean) value /= static_cast<double>(N);
  return mean;
}

}  // namespace

void Ops::read_rows(ConstMatrix rows, std::span<float> out) const {
  assert(std::ssize(out) == rows.size());
  for (Index row = 0; row < rows.extent(0); ++row) {
    std::copy_n(rows[row].data(), rows.extent(1), out.data() + row * rows.extent(1));
  }
}

void Ops::read_map(ConstMatrix patches, std::span<float> map) const { transpose(patches, map); }

FloatArray featmap_of_tokens(TensorView<const float, 2> tokens, Grid grid) {
  const auto [T, C] = tokens.extents();
  const Index N = grid.patches();
  if (N > T) expect_shape("tokens", tokens, {N, kAny});
  FloatArray map{.shape = {C, grid.height, grid.width},
                 .values = std::vector<float>(static_cast<std::size_t>(C * N))};
  transpose(tokens.slice(0, T - N, N), map.values);
  return map;
}

void Ops::read_mean(ConstMatrix rows, std::span<float> mean) const {
  assert(std::ssize(mean) == rows.extent(1));
  std::ranges::copy(mean_of_rows(rows), mean.begin());
}

void Ops::read_average(ConstMatrix patches, std::span<float> average) const {
  const Index C = patches.extent(1);
  assert(std::ssize(average) == C);
  const std::vector<double> mean = mean_of_rows(patches);
  double centre = 0;
  for (const double value : mean) centre += value;
  centre /= static_cast<double>(C);
  double variance = 0;
  for (const double value : mean) variance += (value - centre) * (value - centre);
  constexpr double kEpsilon = 1e-6;  // nn.LayerNorm(eps=1e-6) in the original
  const double scale = 1.0 / std::sqrt(variance / static_cast<double>(C) + kEpsilon);
  for (std::size_t c = 0; c < mean.size(); ++c) {
    average[c] = static_cast<float>((mean[c] - centre) * scale);
  }
}

}  // namespace sapiens

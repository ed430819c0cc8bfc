#include "model/outputs.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <vector>

#include "sapiens/features.hpp"

namespace sapiens {

void tokens_to_map(ConstMatrix patches, std::span<float> map) {
  const auto [N, C] = patches.extents();
  assert(static_cast<Index>(map.size()) == N * C);
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

FloatArray featmap_of_tokens(TensorView<const float, 2> tokens, Grid grid) {
  const auto [T, C] = tokens.extents();
  const Index N = grid.patches();
  if (N > T) expect_shape("tokens", tokens, {N, kAny});
  FloatArray map{.shape = {C, grid.height, grid.width},
                 .values = std::vector<float>(static_cast<std::size_t>(C * N))};
  tokens_to_map(tokens.slice(0, T - N, N), map.values);
  return map;
}

void average_tokens(ConstMatrix patches, std::span<float> average) {
  const auto [N, C] = patches.extents();
  assert(static_cast<Index>(average.size()) == C);
  std::vector<double> mean(static_cast<std::size_t>(C));
  for (Index n = 0; n < N; ++n) {
    for (Index c = 0; c < C; ++c) mean[static_cast<std::size_t>(c)] += patches[n][c];
  }
  double centre = 0;
  for (double& value : mean) centre += value /= static_cast<double>(N);
  centre /= static_cast<double>(C);
  double variance = 0;
  for (const double value : mean) variance += (value - centre) * (value - centre);
  constexpr double kEpsilon = 1e-6;  // nn.LayerNorm(eps=1e-6) in the original
  const double scale = 1.0 / std::sqrt(variance / static_cast<double>(C) + kEpsilon);
  for (std::size_t c = 0; c < mean.size(); ++c)
    average[c] = static_cast<float>((mean[c] - centre) * scale);
}

}  // namespace sapiens

#include "reconcile/positions.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <vector>

namespace sapiens {
namespace {

// One output position along one axis: four source positions and their weights.
struct Taps {
  std::array<Index, 4> at;
  std::array<float, 4> weight;
};

// The cubic convolution kernel, inside and outside the unit interval; the order of operations is
// PyTorch's.
float cubic_near(float x, float a) { return ((a + 2) * x - (a + 3)) * x * x + 1; }
float cubic_far(float x, float a) { return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a; }

std::vector<Taps> cubic_taps(Index from, Index to) {
  constexpr float kA = -0.75f;  // torch.nn.functional.interpolate(mode="bicubic")
  const float scale = static_cast<float>(from) / static_cast<float>(to);
  std::vector<Taps> taps(static_cast<std::size_t>(to));
  for (Index i = 0; i < to; ++i) {
    // The place is a double there, although the scale is a float: half a unit decides the last bit
    // of the weights.
    const double centre = static_cast<double>(scale) * (static_cast<double>(i) + 0.5) - 0.5;
    const double floor = std::floor(centre);
    const auto t = static_cast<float>(centre - floor);
    Taps& tap = taps[static_cast<std::size_t>(i)];
    tap.weight = {cubic_far(t + 1.0f, kA), cubic_near(t, kA), cubic_near(1.0f - t, kA),
                  cubic_far((1.0f - t) + 1.0f, kA)};
    for (Index k = 0; k < 4; ++k) {
      tap.at[static_cast<std::size_t>(k)] =
          std::clamp(static_cast<Index>(floor) - 1 + k, Index{0}, from - 1);
    }
  }
  return taps;
}

// sum_k weight[k] * value(k), rounded where the compiled original rounds: after the second product,
// then after every fused multiply-add.
template <typename Value>
float weighted_sum(const std::array<float, 4>& weight, Value value) {
  float sum = std::fma(value(0), weight[0], value(1) * weight[1]);
  sum = std::fma(value(2), weight[2], sum);
  return std::fma(value(3), weight[3], sum);
}

}  // namespace

void resize_positions(ConstMatrix from, Grid source, Matrix to, Grid target) {
  const Index C = from.extent(1);
  expect_shape("positions: source", from, {source.patches(), C});
  expect_shape("positions: target", to, {target.patches(), C});
  const std::vector<Taps> rows = cubic_taps(source.height, target.height);
  const std::vector<Taps> columns = cubic_taps(source.width, target.width);

  for (Index y = 0; y < target.height; ++y) {
    const Taps& row = rows[static_cast<std::size_t>(y)];
    for (Index x = 0; x < target.width; ++x) {
      const Taps& column = columns[static_cast<std::size_t>(x)];
      const auto out = to[y * target.width + x];
      for (Index c = 0; c < C; ++c) {
        out[c] = weighted_sum(row.weight, [&](std::size_t j) {
          return weighted_sum(column.weight, [&](std::size_t i) {
            return from[row.at[j] * source.width + column.at[i]][c];
          });
        });
      }
    }
  }
}

}  // namespace sapiens

#include "model/smoothing.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace sapiens {
namespace {

std::size_t index(Index i) { return static_cast<std::size_t>(i); }

/// Relative errors of a layer above this are worth more than the time that 8 bits save. Where all
/// inputs are about equally large, 8 bits lose 0.01.
constexpr float kMaxLoss = 0.04f;

/// The norm of the errors of a layer, relative to that of its outputs, where inputs of these
/// `sizes` are rounded to multiples of 1/127 of the largest number in a row, which is 4 deviations.
float lost_in_8_bits(std::span<const float> sizes, float gain) {
  const float step = 4 * *std::ranges::max_element(sizes) / 127;
  return step / std::sqrt(12.0f) * gain;
}

/// Rows that are divided by `factors` from row `first` on, of `rows`.
std::vector<float> inverse_rows(Index rows, Index first, std::span<const float> factors) {
  std::vector<float> inverses(index(rows), 1.0f);
  for (std::size_t i = 0; i < factors.size(); ++i) inverses[index(first) + i] = 1 / factors[i];
  return inverses;
}

}  // namespace

std::vector<float> sizes_behind_norm(std::span<const float> gamma, std::span<const float> beta) {
  std::vector<float> sizes(gamma.size());
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    sizes[i] = 3 * std::abs(gamma[i]) + (beta.empty() ? 0 : std::abs(beta[i]));
  }
  return sizes;
}

std::vector<float> smoothing_factors(std::span<const float> sizes, std::span<const float> weights) {
  constexpr float kMaxBits = 16;
  std::vector<float> bits(sizes.size()), known;
  for (std::size_t i = 0; i < bits.size(); ++i) {
    bits[i] = 0.5f * (std::log2(sizes[i]) - std::log2(weights[i]));  // not finite for 0
    if (std::isfinite(bits[i])) known.push_back(bits[i]);
  }
  std::vector<float> factors(sizes.size(), 1.0f);
  if (known.empty()) return factors;
  const auto middle = known.begin() + std::ssize(known) / 2;
  std::ranges::nth_element(known, middle);
  for (std::size_t i = 0; i < bits.size(); ++i) {
    if (!std::isfinite(bits[i])) continue;
    factors[i] = std::exp2(std::clamp(std::round(bits[i] - *middle), -kMaxBits, kMaxBits));
  }
  return factors;
}

SmoothedLayers smooth_attention(ParamLoader& params, std::span<const float> sizes,
                                std::span<const ParamLoader::Part> qkv, const AttentionShape& shape,
                                const std::string& proj) {
  SmoothedLayers smoothed;
  if (!params.quantizes()) return smoothed;
  const WeightScan first = params.scan(qkv, sizes);
  smoothed.first.columns = smoothing_factors(sizes, first.columns);

  const ParamLoader::Part proj_part{proj, shape.width()};
  const WeightScan second = params.scan({&proj_part, 1}, std::vector(index(shape.width()), 1.0f));
  // The query heads of a group take the same channels of v.
  const Index D = shape.head_dim, group = shape.heads / shape.kv_heads;
  const auto channel_of_v = [&](Index c) { return c / D / group * D + c % D; };
  std::vector<float> taken(index(shape.kv_width()), 0.0f);
  for (Index c = 0; c < shape.width(); ++c) {
    float& most = taken[index(channel_of_v(c))];
    most = std::max(most, second.columns[index(c)]);
  }
  const Index v = shape.width() + shape.kv_width();
  const std::vector<float> factors =
      smoothing_factors(std::span(first.outputs).subspan(index(v)), taken);
  smoothed.first.rows = inverse_rows(shape.columns(), v, factors);
  for (Index c = 0; c < shape.width(); ++c) {
    smoothed.second.columns.push_back(factors[index(channel_of_v(c))]);
  }
  return smoothed;
}

SmoothedLayers smooth_mlp(ParamLoader& params, std::span<const float> sizes,
                          const ParamLoader::Part& first, const ParamLoader::Part& second) {
  SmoothedLayers smoothed;
  if (!params.quantizes()) return smoothed;
  const WeightScan scanned = params.scan({&first, 1}, sizes);
  smoothed.first.columns = smoothing_factors(sizes, scanned.columns);
  const WeightScan taken = params.scan({&second, 1}, scanned.outputs);
  smoothed.second.quantized = !(lost_in_8_bits(scanned.outputs, taken.gain) > kMaxLoss);
  return smoothed;
}

SmoothedLayers smooth_gated_mlp(ParamLoader& params, std::span<const float> sizes,
                                const ParamLoader::Part& first, const ParamLoader::Part& second) {
  SmoothedLayers smoothed;
  if (!params.quantizes()) return smoothed;
  const WeightScan scanned = params.scan({&first, 1}, sizes);
  smoothed.first.columns = smoothing_factors(sizes, scanned.columns);

  const Index hidden = first.out / 2;
  std::vector<float> products(index(hidden));
  for (std::size_t i = 0; i < products.size(); ++i) {
    products[i] = scanned.outputs[i] * scanned.outputs[i + index(hidden)];
  }
  const WeightScan taken = params.scan({&second, 1}, std::vector(index(hidden), 1.0f));
  smoothed.second.columns = smoothing_factors(products, taken.columns);
  smoothed.first.rows = inverse_rows(first.out, hidden, smoothed.second.columns);
  return smoothed;
}

void divide(std::span<float> values, std::span<const float> factors) {
  for (std::size_t i = 0; i < factors.size(); ++i) values[i] /= factors[i];
}

}  // namespace sapiens

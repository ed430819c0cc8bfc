#include "support/block_reference.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <utility>

namespace sapiens {
namespace {

using Row = std::vector<double>;

// Eight sums side by side, which a compiler can keep in vectors without reordering any of them.
double dot(const double* x, const float* w, Index n) {
  double sums[8] = {};
  Index i = 0;
  for (; i + 8 <= n; i += 8) {
    for (Index lane = 0; lane < 8; ++lane) sums[lane] += x[i + lane] * w[i + lane];
  }
  for (; i < n; ++i) sums[0] += x[i] * w[i];
  return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

// Outputs [first, first + count) of x W^T + b.
Row linear(const Row& x, const std::vector<float>& weight, const std::vector<float>& bias,
           Index first, Index count) {
  const Index in = std::ssize(x);
  Row y(static_cast<std::size_t>(count));
  for (Index o = 0; o < count; ++o) {
    const Index output = first + o;
    y[static_cast<std::size_t>(o)] =
        dot(x.data(), weight.data() + output * in, in) + bias[static_cast<std::size_t>(output)];
  }
  return y;
}

Row layer_norm(std::span<const double> x, const std::vector<float>& weight,
               const std::vector<float>& bias) {
  const double n = static_cast<double>(x.size());
  double mean = 0, variance = 0;
  for (const double v : x) mean += v / n;
  for (const double v : x) variance += (v - mean) * (v - mean) / n;
  Row y(x.size());
  for (std::size_t i = 0; i < y.size(); ++i) {
    y[i] = (x[i] - mean) / std::sqrt(variance + 1e-6) * weight[i] + bias[i];
  }
  return y;
}

double gelu(double x) { return 0.5 * x * std::erfc(-x * std::sqrt(0.5)); }

// q attends to the k and v of all tokens; `kv` has a row [k | v] per token, of `kv_heads` heads
// each.
Row attend(const Row& q, const std::vector<Row>& kv, Index heads, Index kv_heads) {
  const std::size_t dims = q.size() / static_cast<std::size_t>(heads);
  const std::size_t group = static_cast<std::size_t>(heads / kv_heads);
  const std::size_t values = static_cast<std::size_t>(kv_heads) * dims;
  Row y(q.size()), p(kv.size());
  for (std::size_t head = 0; head < static_cast<std::size_t>(heads); ++head) {
    const std::size_t of_q = head * dims, of_k = head / group * dims;
    for (std::size_t t = 0; t < kv.size(); ++t) {
      p[t] = 0;
      for (std::size_t d = 0; d < dims; ++d) p[t] += q[of_q + d] * kv[t][of_k + d];
      p[t] /= std::sqrt(static_cast<double>(dims));
    }
    const double highest = *std::max_element(p.begin(), p.end());
    double total = 0;
    for (double& v : p) total += v = std::exp(v - highest);
    for (std::size_t t = 0; t < kv.size(); ++t) {
      for (std::size_t d = 0; d < dims; ++d) {
        y[of_q + d] += p[t] / total * kv[t][values + of_k + d];
      }
    }
  }
  return y;
}

Row rms_norm(std::span<const double> x, const std::vector<float>& weight) {
  double mean_square = 0;
  for (const double v : x) mean_square += v * v / static_cast<double>(x.size());
  Row y(x.size());
  for (std::size_t i = 0; i < y.size(); ++i)
    y[i] = x[i] / std::sqrt(mean_square + 1e-6) * weight[i];
  return y;
}

// Normalises every head of q or k, and turns those of patches by their place.
void normalise_and_rotate(const Sapiens2ReferenceBlock& block, const std::vector<float>& weight,
                          Index token, Row& row) {
  const std::size_t d = weight.size(), half = d / 2, quarter = d / 4;
  const Index patch = token - block.extra_tokens;
  const auto centre = [](Index i, Index n) {
    return 2 * (static_cast<double>(i) + 0.5) / static_cast<double>(n) - 1;
  };
  for (std::size_t head = 0; head < row.size(); head += d) {
    const Row normed = rms_norm(std::span(row).subspan(head, d), weight);
    std::ranges::copy(normed, row.begin() + static_cast<std::ptrdiff_t>(head));
    if (patch < 0) continue;
    for (std::size_t m = 0; m < half; ++m) {
      const double place = m < quarter ? centre(patch / block.grid_width, block.grid_height)
                                       : centre(patch % block.grid_width, block.grid_width);
      const double period =
          std::pow(100.0, static_cast<double>(m % quarter) / static_cast<double>(quarter));
      const double angle = 2 * std::numbers::pi * place / period;
      row[head + m] = normed[m] * std::cos(angle) - normed[half + m] * std::sin(angle);
      row[head + half + m] = normed[half + m] * std::cos(angle) + normed[m] * std::sin(angle);
    }
  }
}

void add_to(Row& x, const Row& y) {
  for (std::size_t i = 0; i < x.size(); ++i) x[i] += y[i];
}

}  // namespace

std::vector<double> reference_block(const ReferenceBlock& block, std::span<const double> x,
                                    std::span<const Index> rows) {
  const Index C = block.width, M = block.mlp_width;
  const auto row_of = [&](Index row) {
    return x.subspan(static_cast<std::size_t>(row * C), static_cast<std::size_t>(C));
  };
  const auto ln1_row = [&](Index row) {
    return layer_norm(row_of(row), block.ln1_weight, block.ln1_bias);
  };
  std::vector<Row> kv;
  for (Index token = 0; token < std::ssize(x) / C; ++token) {
    kv.push_back(linear(ln1_row(token), block.qkv_weight, block.qkv_bias, C, 2 * C));
  }

  std::vector<double> result;
  for (const Index row : rows) {
    Row y(row_of(row).begin(), row_of(row).end());
    const Row q = linear(ln1_row(row), block.qkv_weight, block.qkv_bias, 0, C);
    add_to(y, linear(attend(q, kv, block.heads, block.heads), block.proj_weight, block.proj_bias, 0,
                     C));
    Row wide = linear(layer_norm(y, block.ln2_weight, block.ln2_bias), block.fc1_weight,
                      block.fc1_bias, 0, M);
    for (double& v : wide) v = gelu(v);
    add_to(y, linear(wide, block.fc2_weight, block.fc2_bias, 0, C));
    result.insert(result.end(), y.begin(), y.end());
  }
  return result;
}

std::vector<double> reference_block(const Sapiens2ReferenceBlock& block, std::span<const double> x,
                                    std::span<const Index> rows) {
  const Index C = block.width, M = block.mlp_width;
  const Index kv_width = std::ssize(block.k_norm) * block.kv_heads;
  const auto row_of = [&](Index row) {
    return x.subspan(static_cast<std::size_t>(row * C), static_cast<std::size_t>(C));
  };
  std::vector<Row> kv;
  for (Index token = 0; token < std::ssize(x) / C; ++token) {
    const Row h = rms_norm(row_of(token), block.ln1);
    Row k = linear(h, block.wk, block.wk_bias, 0, kv_width);
    const Row v = linear(h, block.wv, block.wv_bias, 0, kv_width);
    normalise_and_rotate(block, block.k_norm, token, k);
    k.insert(k.end(), v.begin(), v.end());
    kv.push_back(std::move(k));
  }

  std::vector<double> result;
  for (const Index row : rows) {
    Row y(row_of(row).begin(), row_of(row).end());
    Row q = linear(rms_norm(y, block.ln1), block.wq, block.wq_bias, 0, C);
    normalise_and_rotate(block, block.q_norm, row, q);
    Row attended =
        linear(attend(q, kv, block.heads, block.kv_heads), block.proj, block.proj_bias, 0, C);
    for (std::size_t i = 0; i < attended.size(); ++i) attended[i] *= block.gamma[i];
    add_to(y, attended);
    const Row wide = linear(rms_norm(y, block.ln2), block.w12, block.w12_bias, 0, 2 * M);
    Row hidden(static_cast<std::size_t>(M));
    for (std::size_t i = 0; i < hidden.size(); ++i) {
      hidden[i] = wide[i] / (1 + std::exp(-wide[i])) * wide[hidden.size() + i];
    }
    add_to(y, linear(hidden, block.w3, block.w3_bias, 0, C));
    result.insert(result.end(), y.begin(), y.end());
  }
  return result;
}

}  // namespace sapiens

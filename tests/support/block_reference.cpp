#include "support/block_reference.hpp"

#include <algorithm>
#include <cmath>

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

// q attends to the k and v of all tokens; `kv` has a row [k | v] per token.
Row attend(const Row& q, const std::vector<Row>& kv, Index heads) {
  const std::size_t width = q.size(), dims = width / static_cast<std::size_t>(heads);
  Row y(width), p(kv.size());
  for (std::size_t head = 0; head < width; head += dims) {
    for (std::size_t t = 0; t < kv.size(); ++t) {
      p[t] = 0;
      for (std::size_t d = head; d < head + dims; ++d) p[t] += q[d] * kv[t][d];
      p[t] /= std::sqrt(static_cast<double>(dims));
    }
    const double highest = *std::max_element(p.begin(), p.end());
    double total = 0;
    for (double& v : p) total += v = std::exp(v - highest);
    for (std::size_t t = 0; t < kv.size(); ++t) {
      for (std::size_t d = head; d < head + dims; ++d) y[d] += p[t] / total * kv[t][width + d];
    }
  }
  return y;
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
    add_to(y, linear(attend(q, kv, block.heads), block.proj_weight, block.proj_bias, 0, C));
    Row wide = linear(layer_norm(y, block.ln2_weight, block.ln2_bias), block.fc1_weight,
                      block.fc1_bias, 0, M);
    for (double& v : wide) v = gelu(v);
    add_to(y, linear(wide, block.fc2_weight, block.fc2_bias, 0, C));
    result.insert(result.end(), y.begin(), y.end());
  }
  return result;
}

}  // namespace sapiens

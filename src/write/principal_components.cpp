#include "write/principal_components.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <opencv2/core.hpp>

// Subspace iteration with a Rayleigh-Ritz step. With X the centred features [C, N] (N tokens) and V
// an orthonormal basis [K, C]:
//
//   T = V X                       projections              [K, N]
//   T T^T = E^T diag(lambda) E    a K x K eigenproblem
//   T <- E T,  V <- E V           sorted by variance
//   V <- orthonormal(T X^T)       one step towards the leading components
//
// It needs K (C + N) numbers besides X and never forms the C x C covariance, which for C = 1920
// costs more than the rest of a drawing. K > 3 makes it converge as (lambda_K+1 / lambda_3)^steps.
// Sums are in float: an 8-bit colour needs no more, and vectors hold twice as many.
namespace sapiens {
namespace {

constexpr Index kBasis = 8;
constexpr int kMaxSteps = 30;
constexpr double kSettled = 1e-7;  // change of the variances in one step, relative to the first

/// A dense row-major matrix.
struct Numbers {
  Numbers(Index r, Index c) : rows(r), columns(c), values(static_cast<std::size_t>(r * c)) {}

  float* row(Index r) noexcept { return values.data() + r * columns; }
  const float* row(Index r) const noexcept { return values.data() + r * columns; }

  Index rows, columns;
  std::vector<float> values;
};

std::vector<bool> finite_tokens(const Numbers& features) {
  std::vector<bool> finite(static_cast<std::size_t>(features.columns), true);
  for (Index c = 0; c < features.rows; ++c) {
    for (Index n = 0; n < features.columns; ++n) {
      if (!std::isfinite(features.row(c)[n])) finite[n] = false;
    }
  }
  return finite;
}

Numbers copy_features(TensorView<const float, 3> featmap) {
  const auto [C, gh, gw] = featmap.extents();
  Numbers features(C, gh * gw);
  for (Index c = 0; c < C; ++c) {
    for (Index y = 0; y < gh; ++y) {
      std::copy_n(featmap[c][y].data(), gw, features.row(c) + y * gw);
    }
  }
  return features;
}

// Subtracts the mean and divides by the largest value, so that no square overflows or vanishes;
// tokens that are not finite become zero.
void centre(Numbers& features, const std::vector<bool>& finite) {
  double largest = 0, tokens = 0;
  for (Index n = 0; n < features.columns; ++n) {
    if (!finite[n]) continue;
    ++tokens;
    for (Index c = 0; c < features.rows; ++c) {
      largest = std::max(largest, std::abs(double{features.row(c)[n]}));
    }
  }
  const double scale = largest > 0 ? 1 / largest : 0;
  for (Index c = 0; c < features.rows; ++c) {
    float* const row = features.row(c);
    double sum = 0;
    for (Index n = 0; n < features.columns; ++n) sum += finite[n] ? row[n] : 0;
    const double mean = tokens > 0 ? sum / tokens : 0;
    for (Index n = 0; n < features.columns; ++n) {
      row[n] = finite[n] ? static_cast<float>((row[n] - mean) * scale) : 0;
    }
  }
}

Numbers transposed(const Numbers& in) {
  Numbers out(in.columns, in.rows);
  cv::Mat source(static_cast<int>(in.rows), static_cast<int>(in.columns), CV_32F,
                 const_cast<float*>(in.values.data()));
  cv::Mat target(static_cast<int>(out.rows), static_cast<int>(out.columns), CV_32F,
                 out.values.data());
  cv::transpose(source, target);
  return out;
}

// Multiplies a [K, M] by x [M, P], in blocks of columns whose K rows of sums stay in the L1 cache.
Numbers multiply(const Numbers& a, const Numbers& x) {
  constexpr Index kBlock = 512;
  Numbers out(a.rows, x.columns);
  for (Index begin = 0; begin < x.columns; begin += kBlock) {
    const Index count = std::min(kBlock, x.columns - begin);
    for (Index m = 0; m < x.rows; ++m) {
      const float* const in = x.row(m) + begin;
      for (Index k = 0; k < a.rows; ++k) {
        const float weight = a.row(k)[m];
        float* const sums = out.row(k) + begin;
        for (Index i = 0; i < count; ++i) sums[i] += weight * in[i];
      }
    }
  }
  return out;
}

double dot(const float* a, const float* b, Index count) {
  return std::inner_product(a, a + count, b, 0.0);
}

// Gram-Schmidt, applied twice because one pass loses digits; a direction that depends on the
// others, as with features of low rank, becomes zero.
void orthonormalize(Numbers& basis) {
  for (Index k = 0; k < basis.rows; ++k) {
    float* const row = basis.row(k);
    const double before = std::sqrt(dot(row, row, basis.columns));
    for (int pass = 0; pass < 2; ++pass) {
      for (Index j = 0; j < k; ++j) {
        const double along = dot(basis.row(j), row, basis.columns);
        for (Index c = 0; c < basis.columns; ++c) {
          row[c] = static_cast<float>(row[c] - along * basis.row(j)[c]);
        }
      }
    }
    const double norm = std::sqrt(dot(row, row, basis.columns));
    const double scale = norm > 1e-5 * before ? 1 / norm : 0;
    for (Index c = 0; c < basis.columns; ++c) row[c] = static_cast<float>(row[c] * scale);
  }
}

// Arbitrary directions that are the same in every run and on every machine.
Numbers first_basis(Index rows, Index columns) {
  Numbers basis(rows, columns);
  std::uint32_t state = 1;
  for (float& value : basis.values) {
    state = state * 1664525u + 1013904223u;
    value = static_cast<float>(state >> 8) / static_cast<float>(1 << 24) - 0.5f;
  }
  orthonormalize(basis);
  return basis;
}

struct Ritz {
  std::array<double, kBasis> variances{};  // descending
  Numbers rotation;                        // [K, K], a new basis vector in each row
};

Ritz solve_projected(const Numbers& projections) {
  const Index K = projections.rows;
  cv::Mat gram(static_cast<int>(K), static_cast<int>(K), CV_64F);
  for (Index i = 0; i < K; ++i) {
    for (Index j = 0; j < K; ++j) {
      gram.at<double>(static_cast<int>(i), static_cast<int>(j)) = dot(
          projections.row(std::min(i, j)), projections.row(std::max(i, j)), projections.columns);
    }
  }
  cv::Mat variances, vectors;
  cv::eigen(gram, variances, vectors);
  Ritz ritz{.rotation = Numbers(K, K)};
  for (int i = 0; i < K; ++i) {
    ritz.variances[i] = variances.at<double>(i);
    for (int j = 0; j < K; ++j) {
      ritz.rotation.row(i)[j] = static_cast<float>(vectors.at<double>(i, j));
    }
  }
  return ritz;
}

bool settled(const Ritz& before, const Ritz& now) {
  for (Index k = 0; k < kComponents; ++k) {
    const double change = std::abs(now.variances[k] - before.variances[k]);
    if (change > kSettled * now.variances[0]) return false;
  }
  return true;
}

// Projects onto the leading components; `basis` receives them.
Numbers project(const Numbers& x, Numbers& basis, const StopCheck& check) {
  const Numbers xt = transposed(x);
  Ritz before{.rotation = Numbers(0, 0)};
  for (int step = 0;; ++step) {
    if (check) check();
    Numbers projections = multiply(basis, x);
    Ritz now = solve_projected(projections);
    projections = multiply(now.rotation, projections);
    if ((step > 0 && settled(before, now)) || step == kMaxSteps) {
      basis = multiply(now.rotation, basis);
      return projections;
    }
    basis = multiply(projections, xt);
    orthonormalize(basis);
    before = std::move(now);
  }
}

float sign_of_largest(const float* weights, Index count) {
  const float* const largest = std::max_element(
      weights, weights + count, [](float a, float b) { return std::abs(a) < std::abs(b); });
  return *largest < 0 ? -1.0f : 1.0f;
}

}  // namespace

std::vector<float> principal_components(TensorView<const float, 3> featmap,
                                        const StopCheck& check) {
  Numbers x = copy_features(featmap);
  const std::vector<bool> finite = finite_tokens(x);
  centre(x, finite);
  Numbers basis = first_basis(std::min({kBasis, x.rows, x.columns}), x.rows);
  const Numbers projections = project(x, basis, check);

  std::vector<float> planes(static_cast<std::size_t>(kComponents * x.columns));
  for (Index k = 0; k < kComponents; ++k) {
    for (Index n = 0; n < x.columns; ++n) {
      float& value = planes[k * x.columns + n];
      if (!finite[n]) {
        value = std::numeric_limits<float>::quiet_NaN();
      } else if (k < projections.rows) {
        value = projections.row(k)[n] * sign_of_largest(basis.row(k), x.rows);
      }
    }
  }
  return planes;
}

}  // namespace sapiens

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "kernels/select.hpp"
#include "nn/ops.hpp"
#include "sapiens/error.hpp"
#include "support/expect_close.hpp"
#include "support/random_numbers.hpp"

namespace sapiens {
namespace {

using Doubles = std::vector<double>;

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

Matrix view(std::vector<float>& numbers, Index columns) {
  return {numbers.data(), {std::ssize(numbers) / columns, columns}};
}
ConstMatrix view(const std::vector<float>& numbers, Index columns) {
  return {numbers.data(), {std::ssize(numbers) / columns, columns}};
}

// ConvTranspose2d(kernel 4, stride 2, padding 1) as PyTorch defines it: every input pixel adds its
// kernel to the output, at 2 y - 1 and 2 x - 1. Channels last.
std::vector<float> reference_deconv(const std::vector<float>& x, Grid size, Index in, Index out,
                                    const std::vector<float>& weight) {
  const Index H = 2 * size.height, W = 2 * size.width;
  Doubles y(at(H * W * out));
  for (Index pixel = 0; pixel < size.patches(); ++pixel) {
    for (Index tap = 0; tap < 16; ++tap) {
      const Index row = 2 * (pixel / size.width) - 1 + tap / 4;
      const Index column = 2 * (pixel % size.width) - 1 + tap % 4;
      if (row < 0 || row >= H || column < 0 || column >= W) continue;
      for (Index c = 0; c < in; ++c) {
        for (Index o = 0; o < out; ++o) {
          y[at((row * W + column) * out + o)] +=
              double{x[at(pixel * in + c)]} * weight[at((c * out + o) * 16 + tap)];
        }
      }
    }
  }
  return {y.begin(), y.end()};
}

// Per channel the mean, then 1 / sqrt(biased variance + 1e-5).
std::vector<float> reference_norm(const std::vector<float>& x, Index channels) {
  const Index rows = std::ssize(x) / channels;
  std::vector<float> norm(at(2 * channels));
  for (Index c = 0; c < channels; ++c) {
    double mean = 0, squares = 0;
    for (Index r = 0; r < rows; ++r) mean += x[at(r * channels + c)];
    mean /= static_cast<double>(rows);
    for (Index r = 0; r < rows; ++r) squares += std::pow(x[at(r * channels + c)] - mean, 2);
    norm[at(c)] = static_cast<float>(mean);
    norm[at(channels + c)] =
        static_cast<float>(1 / std::sqrt(squares / static_cast<double>(rows) + 1e-5));
  }
  return norm;
}

// The norm that lies in `both`, first the means of all channels.
ChannelNorm norm_in(std::vector<float>& both, Index channels) {
  const auto all = std::span(both);
  return {.mean = all.first(at(channels)), .scale = all.subspan(at(channels))};
}

struct Result {
  std::vector<float> y, norm;
  friend bool operator==(const Result&, const Result&) = default;
};

class ConvAtLevel : public testing::TestWithParam<std::string_view> {
 protected:
  void SetUp() override {
    try {
      kernels_ = select_kernels(CpuFeatures::detect(), GetParam()).table;
    } catch (const Error& error) {
      GTEST_SKIP() << error.what();
    }
  }

  Result run_deconv(const std::vector<float>& x, Grid size, Index in, Index out,
                    const std::vector<float>& weight, int threads) const {
    const ThreadPool pool(threads);
    const Ops ops(kernels_, pool);
    DeconvWeights w = ops.make_deconv(out, in);
    // In two slices, as a loader might.
    for (const auto& [first, n] : {std::pair<Index, Index>{0, out / 2}, {out / 2, out - out / 2}}) {
      std::vector<float> slice;
      for (Index c = 0; c < in; ++c) {
        const auto from = weight.begin() + (c * out + first) * 16;
        slice.insert(slice.end(), from, from + n * 16);
      }
      ops.pack_deconv(w, first, {slice.data(), {in, n, 16}});
    }
    std::vector<float> y(at(4 * size.patches() * out)), of_y(at(2 * out));
    const ChannelNorm norm = norm_in(of_y, out);
    const auto run = [&](Workspace& ws) {
      ops.deconv(view(x, in), size, w, view(y, out), norm, ws);
    };
    Workspace ws(measured_bytes(run));
    run(ws);
    return {y, of_y};
  }

  // In place, on a map whose norm is known.
  Result run_pointwise(std::vector<float> x, Index channels, const std::vector<float>& weight,
                       const std::vector<float>& bias, int threads) const {
    const ThreadPool pool(threads);
    const Ops ops(kernels_, pool);
    const LinearWeights w = ops.pack_linear(view(weight, channels), bias);
    const Matrix map = view(x, channels);
    std::vector<float> of_map = reference_norm(x, channels);
    const ChannelNorm norm = norm_in(of_map, channels);
    const auto run = [&](Workspace& ws) { ops.pointwise(map, &norm, w, map, &norm, ws); };
    Workspace ws(measured_bytes(run));
    run(ws);
    return {x, of_map};
  }

  KernelTable kernels_;
};

// Sums of 4 in products of deviation 1 / sqrt(4 in): their errors are some roundings of numbers
// about 1, up to 5; the norm takes means of them.
constexpr Tolerance kRounding{.absolute = 1e-5};

TEST_P(ConvAtLevel, DeconvolvesAsPyTorchDefinesIt) {
  struct Case {
    Grid size;
    Index in, out;
  };
  for (const Case& c : {Case{{1, 1}, 5, 7}, Case{{1, 6}, 3, 2}, Case{{5, 1}, 16, 40},
                        Case{{7, 3}, 33, 17}, Case{{13, 11}, 64, 33}, Case{{20, 17}, 300, 9}}) {
    SCOPED_TRACE(std::to_string(c.size.height) + " x " + std::to_string(c.size.width));
    const auto x = random_normal(c.size.patches() * c.in, {.seed = 1});
    const float deviation = 0.5f / std::sqrt(static_cast<float>(c.in));
    const auto weight = random_normal(c.in * c.out * 16, {.deviation = deviation, .seed = 2});
    const Result found = run_deconv(x, c.size, c.in, c.out, weight, 2);
    const auto expected = reference_deconv(x, c.size, c.in, c.out, weight);
    EXPECT_TRUE(close(found.y, expected, kRounding));
    // 1 / sqrt(variance) can be large where a map has four pixels.
    EXPECT_TRUE(
        close(found.norm, reference_norm(found.y, c.out), {.absolute = 1e-6, .relative = 1e-5}));
  }
}

TEST_P(ConvAtLevel, NormalisesActivatesAndConvolvesInPlace) {
  for (const Index pixels : {1, 13, 161, 1000}) {
    SCOPED_TRACE(pixels);
    constexpr Index C = 40;
    const auto x = random_normal(pixels * C, {.mean = 2, .deviation = 3, .seed = 3});
    const auto weight = random_normal(C * C, {.deviation = 0.16f, .seed = 4});
    const auto bias = random_normal(C, {.seed = 5});
    const auto norm = reference_norm(x, C);
    std::vector<float> expected(x.size());
    for (Index r = 0; r < pixels; ++r) {
      for (Index o = 0; o < C; ++o) {
        double sum = bias[at(o)];
        for (Index c = 0; c < C; ++c) {
          const double z = (double{x[at(r * C + c)]} - norm[at(c)]) * norm[at(C + c)];
          sum += z / (1 + std::exp(-z)) * weight[at(o * C + c)];
        }
        expected[at(r * C + o)] = static_cast<float>(sum);
      }
    }
    const Result found = run_pointwise(x, C, weight, bias, 2);
    EXPECT_TRUE(close(found.y, expected, kRounding));
    EXPECT_TRUE(
        close(found.norm, reference_norm(found.y, C), {.absolute = 1e-6, .relative = 1e-5}));
  }
}

// The mean is 1000 times the deviation: E[x^2] - E[x]^2 would be off by a tenth in fp32.
TEST_P(ConvAtLevel, TakesVarianceWithoutCancellation) {
  constexpr Index C = 8;
  std::vector<float> identity(C * C), bias(C, 1000.0f);
  for (Index c = 0; c < C; ++c) identity[at(c * C + c)] = 1;
  const auto x = random_normal(5000 * C, {.seed = 6});
  const Result found = run_pointwise(x, C, identity, bias, 3);
  EXPECT_TRUE(close(found.norm, reference_norm(found.y, C), {.relative = 1e-5}));
}

TEST_P(ConvAtLevel, GivesTheSameBitsOnAnyNumberOfThreads) {
  const Grid size{23, 19};
  const auto x = random_normal(size.patches() * 24, {.seed = 7});
  const auto weight = random_normal(24 * 24 * 16, {.deviation = 0.1f, .seed = 8});
  const std::vector<float> square(weight.begin(), weight.begin() + 24 * 24), bias(24, 0.5f);
  const Result deconvolved = run_deconv(x, size, 24, 24, weight, 1);
  const Result convolved = run_pointwise(x, 24, square, bias, 1);
  for (const int threads : {2, 3, 7}) {
    EXPECT_EQ(run_deconv(x, size, 24, 24, weight, threads), deconvolved) << threads;
    EXPECT_EQ(run_pointwise(x, 24, square, bias, threads), convolved) << threads;
  }
}

// It would make zeros of a map that has numbers.
TEST_P(ConvAtLevel, SquaresThatOverflowNeverGiveAScaleOfZero) {
  constexpr Index kIn = 8, kOut = 6;
  auto x = random_normal(20 * kIn, {.seed = 7});
  x[at(3)] = 1e25f;
  const auto weight = random_normal(kIn * kOut * 16, {.deviation = 0.1f, .seed = 8});
  const Result found = run_deconv(x, {5, 4}, kIn, kOut, weight, 1);
  for (const float scale : std::span(found.norm).subspan(at(kOut))) {
    EXPECT_TRUE(std::isnan(scale) || scale > 0) << scale;
  }
}

TEST_P(ConvAtLevel, NamesShapesThatDoNotFit) {
  const ThreadPool pool(1);
  const Ops ops(kernels_, pool);
  const DeconvWeights w = ops.make_deconv(3, 2);
  Workspace ws(std::size_t{1} << 22);
  const ChannelNorm norm = take_channel_norm(ws, 3);
  const std::vector<float> x(6 * 2);
  std::vector<float> y(24 * 3), short_y(23 * 3);
  EXPECT_NO_THROW(ops.deconv(view(x, 2), {2, 3}, w, view(y, 3), norm, ws));
  EXPECT_THROW(ops.deconv(view(x, 2), {2, 2}, w, view(y, 3), norm, ws), Error);
  EXPECT_THROW(ops.deconv(view(x, 2), {2, 3}, w, view(short_y, 3), norm, ws), Error);
}

INSTANTIATE_TEST_SUITE_P(Isa, ConvAtLevel, testing::Values("reference", "avx2", "avx512"),
                         [](const auto& level) { return std::string(level.param); });

}  // namespace
}  // namespace sapiens

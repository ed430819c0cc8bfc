#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "kernels/select.hpp"
#include "nn/ops.hpp"
#include "sapiens/error.hpp"
#include "support/expect_close.hpp"
#include "support/random_numbers.hpp"

// The operators of convolutional networks against their definitions in PyTorch's documentation, in
// double and one output at a time.
namespace sapiens {
namespace {

std::size_t offset(Index i) { return static_cast<std::size_t>(i); }

// A map whose rows lie apart: columns of a wider one, as the networks use them to concatenate.
struct TestMap {
  TestMap(Grid s, Index c, unsigned seed)
      : size(s), channels(c), numbers(random_normal(s.patches() * (c + kMore), {.seed = seed})) {}

  Activations view() {
    const Matrix all(numbers.data(), {size.patches(), channels + kMore});
    return Activations(all).columns_from(kBefore, channels);
  }
  double value(Index y, Index x, Index c) const {
    return numbers[offset((y * size.width + x) * (channels + kMore) + kBefore + c)];
  }
  bool inside(Index y, Index x) const {
    return y >= 0 && y < size.height && x >= 0 && x < size.width;
  }
  std::vector<float> values() const {
    std::vector<float> dense;
    for (Index p = 0; p < size.patches(); ++p) {
      for (Index c = 0; c < channels; ++c) dense.push_back(static_cast<float>(value(0, p, c)));
    }
    return dense;
  }

  static constexpr Index kBefore = 3, kMore = 5;
  Grid size;
  Index channels;
  std::vector<float> numbers;
};

double silu(double z) { return z / (1 + std::exp(-z)); }

struct ConvCase {
  Grid size;
  Index in, out, kernel, stride;
};

// z of Conv2d with padding kernel / 2; one group, or as many as channels.
std::vector<double> reference_conv(const TestMap& x, const ConvCase& c,
                                   const std::vector<float>& weight, const std::vector<float>& bias,
                                   bool depthwise) {
  const Grid to = conv2d_size(c.size, c.stride);
  const Index inputs = depthwise ? 1 : c.in;
  std::vector<double> z;
  for (Index p = 0; p < to.patches(); ++p) {
    for (Index o = 0; o < c.out; ++o) {
      double sum = bias[offset(o)];
      for (Index i = 0; i < inputs * c.kernel * c.kernel; ++i) {
        const Index ky = i / c.kernel % c.kernel, kx = i % c.kernel;
        const Index y = p / to.width * c.stride + ky - c.kernel / 2;
        const Index column = p % to.width * c.stride + kx - c.kernel / 2;
        if (!x.inside(y, column)) continue;
        const Index channel = depthwise ? o : i / (c.kernel * c.kernel);
        sum += x.value(y, column, channel) * weight[offset(o * inputs * c.kernel * c.kernel + i)];
      }
      z.push_back(sum);
    }
  }
  return z;
}

std::vector<float> after(const std::vector<double>& z, ConvEnd end, const std::vector<float>& y) {
  std::vector<float> result;
  for (std::size_t i = 0; i < z.size(); ++i) {
    const double value = end == ConvEnd::Store  ? z[i]
                         : end == ConvEnd::Silu ? silu(z[i])
                                                : y[i] + silu(z[i]);
    result.push_back(static_cast<float>(value));
  }
  return result;
}

// Sums of up to 2700 products whose deviation is 1 / sqrt(their number): roundings of numbers of
// about 1, up to 5, that add up like a random walk.
constexpr Tolerance kMapRounding{.absolute = 1e-5};

class MapsAtLevel : public testing::TestWithParam<std::string_view> {
 protected:
  void SetUp() override {
    try {
      kernels_ = select_kernels(CpuFeatures::detect(), GetParam()).table;
    } catch (const Error& error) {
      GTEST_SKIP() << error.what();
    }
  }

  std::vector<float> run_conv(const ConvCase& c, ConvEnd end, int threads,
                              const std::vector<float>& weight, const std::vector<float>& bias) {
    const ThreadPool pool(threads);
    const Ops ops(kernels_, pool);
    TestMap x(c.size, c.in, 1), y(conv2d_size(c.size, c.stride), c.out, 4);
    const Conv2dWeights w =
        ops.pack_conv2d("conv", {weight.data(), {c.out, c.in, c.kernel, c.kernel}}, bias, c.stride);
    const auto run = [&](Workspace& ws) { ops.conv2d(x.view(), c.size, w, end, y.view(), ws); };
    Workspace ws(measured_bytes(run));
    run(ws);
    return y.values();
  }

  KernelTable kernels_;
};

TEST_P(MapsAtLevel, ConvolvesAsPyTorchDefinesIt) {
  for (const ConvCase& c :
       {ConvCase{{1, 1}, 3, 5, 3, 1}, ConvCase{{1, 1}, 3, 5, 3, 2}, ConvCase{{2, 9}, 5, 7, 3, 1},
        ConvCase{{9, 2}, 5, 7, 3, 2}, ConvCase{{12, 16}, 3, 24, 3, 2},
        ConvCase{{13, 11}, 17, 33, 3, 1}, ConvCase{{20, 20}, 300, 40, 3, 1},
        ConvCase{{7, 5}, 31, 16, 1, 1}, ConvCase{{6, 6}, 2, 3, 5, 1}}) {
    SCOPED_TRACE(std::to_string(c.size.height) + " x " + std::to_string(c.size.width) + ", " +
                 std::to_string(c.in) + " channels, stride " + std::to_string(c.stride));
    const Index inputs = c.in * c.kernel * c.kernel;
    const float deviation = 1 / std::sqrt(static_cast<float>(inputs));
    const auto weight = random_normal(c.out * inputs, {.deviation = deviation, .seed = 2});
    const auto bias = random_normal(c.out, {.seed = 3});
    const TestMap x(c.size, c.in, 1), y(conv2d_size(c.size, c.stride), c.out, 4);
    const auto z = reference_conv(x, c, weight, bias, false);
    for (const ConvEnd end : {ConvEnd::Store, ConvEnd::Silu, ConvEnd::AddSilu}) {
      const auto found = run_conv(c, end, 2, weight, bias);
      EXPECT_TRUE(close(found, after(z, end, y.values()), kMapRounding));
      EXPECT_EQ(found, run_conv(c, end, 1, weight, bias));
    }
  }
}

TEST_P(MapsAtLevel, ConvolvesEveryChannelByItself) {
  for (const ConvCase& c : {ConvCase{{1, 1}, 3, 3, 5, 1}, ConvCase{{3, 40}, 21, 21, 5, 1},
                            ConvCase{{13, 9}, 48, 48, 5, 1}, ConvCase{{6, 7}, 5, 5, 3, 1}}) {
    SCOPED_TRACE(c.in);
    const auto weight = random_normal(c.in * c.kernel * c.kernel, {.deviation = 0.2f, .seed = 2});
    const auto bias = random_normal(c.in, {.seed = 3});
    TestMap x(c.size, c.in, 1);
    const auto expected = after(reference_conv(x, c, weight, bias, true), ConvEnd::Silu, {});
    for (const int threads : {1, 2}) {
      const ThreadPool pool(threads);
      const Ops ops(kernels_, pool);
      const DepthwiseWeights w =
          ops.pack_depthwise({weight.data(), {c.in, 1, c.kernel, c.kernel}}, bias);
      TestMap y(c.size, c.in, 4);
      Workspace none(0);
      ops.depthwise_silu(x.view(), c.size, w, y.view(), none);
      EXPECT_TRUE(close(y.values(), expected, kMapRounding));
    }
  }
}

TEST_P(MapsAtLevel, GatesChannelsByTheirMeans) {
  for (const Grid size : {Grid{1, 1}, Grid{20, 30}}) {
    constexpr Index kChannels = 19;
    const auto weight = random_normal(kChannels * kChannels, {.seed = 2});
    // The deviation is 3, so that some gates are closed and some wide open.
    const auto bias = random_normal(kChannels, {.deviation = 3, .seed = 3});
    const TestMap before(size, kChannels, 1);
    std::vector<double> mean(kChannels);
    for (Index p = 0; p < size.patches(); ++p) {
      for (Index c = 0; c < kChannels; ++c) {
        mean[offset(c)] += before.value(0, p, c) / static_cast<double>(size.patches());
      }
    }
    std::vector<float> expected = before.values();
    for (Index c = 0; c < kChannels; ++c) {
      double z = bias[offset(c)];
      for (Index i = 0; i < kChannels; ++i)
        z += mean[offset(i)] * weight[offset(c * kChannels + i)];
      const double gate = std::clamp(z / 6 + 0.5, 0.0, 1.0);
      for (Index p = 0; p < size.patches(); ++p) {
        float& value = expected[offset(p * kChannels + c)];
        value = static_cast<float>(value * gate);
      }
    }
    for (const int threads : {1, 2}) {
      const ThreadPool pool(threads);
      const Ops ops(kernels_, pool);
      const LinearWeights w = ops.pack_linear({weight.data(), {kChannels, kChannels}}, bias);
      TestMap x = before;
      const auto run = [&](Workspace& ws) { ops.channel_attention(x.view(), w, ws); };
      Workspace ws(measured_bytes(run));
      run(ws);
      EXPECT_TRUE(close(x.values(), expected, kMapRounding));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Kernels, MapsAtLevel,
                         testing::Values("reference", "avx2", "avx512", "amx"),
                         [](const auto& level) { return std::string(level.param); });

class Maps : public testing::Test {
 protected:
  ThreadPool pool_{2};
  SelectedKernels kernels_ = select_kernels(CpuFeatures::detect());
  Ops ops_{kernels_.table, pool_};
  Workspace none_{0};
};

TEST_F(Maps, PoolToTheLargestOfThePixelsAround) {
  for (const Grid size : {Grid{1, 1}, Grid{3, 17}, Grid{20, 11}}) {
    TestMap x(size, 6, 1), y(size, 6, 2);
    ops_.max_pool(x.view(), size, 5, y.view(), none_);
    std::vector<float> expected;
    for (Index p = 0; p < size.patches(); ++p) {
      for (Index c = 0; c < 6; ++c) {
        double largest = -std::numeric_limits<double>::infinity();
        for (Index i = -2; i <= 2; ++i) {
          for (Index j = -2; j <= 2; ++j) {
            const Index row = p / size.width + i, column = p % size.width + j;
            if (x.inside(row, column)) largest = std::max(largest, x.value(row, column, c));
          }
        }
        expected.push_back(static_cast<float>(largest));
      }
    }
    EXPECT_EQ(y.values(), expected);
  }
}

// What lets one kernel do for RTMDet's three.
TEST_F(Maps, PooledTwiceArePooledFromTwiceAsFar) {
  const Grid size{11, 14};
  TestMap x(size, 4, 1), once(size, 4, 2), twice(size, 4, 3), wide(size, 4, 4);
  ops_.max_pool(x.view(), size, 5, once.view(), none_);
  ops_.max_pool(once.view(), size, 5, twice.view(), none_);
  ops_.max_pool(x.view(), size, 9, wide.view(), none_);
  EXPECT_EQ(twice.values(), wide.values());
}

TEST_F(Maps, UpsampleEveryPixelToFour) {
  const Grid size{3, 5};
  TestMap x(size, 4, 1), y({6, 10}, 4, 2);
  ops_.upsample_nearest(x.view(), size, y.view(), none_);
  for (Index row = 0; row < 6; ++row) {
    for (Index column = 0; column < 10; ++column) {
      for (Index c = 0; c < 4; ++c) {
        EXPECT_EQ(y.value(row, column, c), x.value(row / 2, column / 2, c));
      }
    }
  }
}

TEST_F(Maps, MapsOfOtherSizesAreRefused) {
  TestMap x({4, 4}, 4, 1), y({4, 5}, 4, 2);
  EXPECT_THROW(ops_.max_pool(x.view(), {4, 4}, 5, y.view(), none_), Error);
  EXPECT_THROW(ops_.upsample_nearest(x.view(), {4, 4}, y.view(), none_), Error);
}

}  // namespace
}  // namespace sapiens

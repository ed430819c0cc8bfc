#include "model/smoothing.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "core/thread_pool.hpp"
#include "core/workspace.hpp"
#include "kernels/select.hpp"
#include "model/encoder.hpp"
#include "support/function_source.hpp"
#include "support/random_numbers.hpp"

namespace sapiens {
namespace {

constexpr Index kSide = 64;
constexpr Index kLarge[] = {5, 77};  // channels of the norms, and of v, which become large

EncoderConfig config_of(Family family) {
  EncoderConfig config{.family = family,
                       .width = 128,
                       .depth = 2,
                       .heads = 4,
                       .mlp_width = 256,
                       .cls_token = true,
                       .grid = {kSide / kPatch, kSide / kPatch}};
  if (family == Family::Sapiens2) {
    config.registers = 8;
    config.kv_heads = {4, 2};
  }
  return config;
}

// Of a weight of 128 inputs, or of a vector.
bool is_large(Index channel) { return channel == kLarge[0] || channel == kLarge[1]; }

// Random weights; with `factor`, some channels are as many times larger where they are made, and
// what takes them is divided, which changes nothing but the rounding to 8 bits.
FunctionSource weights(float factor) {
  return FunctionSource([factor](const std::string& key, Index first, std::span<float> out) {
    const auto seed = static_cast<unsigned>(std::hash<std::string>()(key) + first);
    const auto values = random_normal(std::ssize(out), {.deviation = 0.05f, .seed = seed});
    const bool norm = key.find(".ln1.") != key.npos || key.find(".ln2.") != key.npos;
    const bool inside = key.find("layers.") != key.npos || key.find("blocks.") != key.npos;
    const auto ends = [&](const char* ending) { return key.ends_with(ending); };
    const bool takes = ends("qkv.weight") || ends("wq.weight") || ends("wk.weight") ||
                       ends("wv.weight") || ends("layers.0.0.weight") || ends("w12.weight");
    for (std::size_t i = 0; i < out.size(); ++i) {
      const Index at = first + static_cast<Index>(i);
      out[i] = values[i] + (norm && ends(".weight") ? 1 : 0);
      if (inside && norm && is_large(at)) out[i] *= factor;
      if (takes && is_large(at % 128)) out[i] /= factor;
      // Heads of 32 channels; v of a Sapiens block begins behind 256 outputs of q and k.
      if (ends("qkv.weight") && at / 128 == 256 + kLarge[0]) out[i] *= factor;
      if (ends("qkv.bias") && at == 256 + kLarge[0]) out[i] *= factor;
      if (key.find("layers.") != key.npos && ends("proj.weight") && at % 128 == kLarge[0]) {
        out[i] /= factor;
      }
    }
  });
}

std::vector<float> features(const EncoderConfig& config, Precision precision, float factor) {
  const KernelTable kernels = select_kernels(CpuFeatures::detect()).table;
  const ThreadPool pool(2);
  const Ops ops(kernels, pool, precision);
  const LoadedEncoder loaded = load_encoder(config, weights(factor), ops);
  const std::vector<float> image = random_normal(3 * kSide * kSide, {.seed = 5});
  const TensorView<const float, 3> view{image.data(), {3, kSide, kSide}};
  std::vector<float> tokens(static_cast<std::size_t>(config.tokens() * config.width));
  std::vector<float> storage;
  const ConstMatrix positions = loaded.layers->positions(config.grid, storage);
  const EncoderTap tap{.layer = config.depth - 1,
                       .norm = true,
                       .tokens = {tokens.data(), {1, config.tokens(), config.width}}};
  const auto forward = [&](Workspace& ws) {
    EncoderNetwork(config, *loaded.layers, ops).forward({&view, 1}, positions, {&tap, 1}, ws);
  };
  Workspace ws(measured_bytes(forward));
  forward(ws);
  return tokens;
}

double difference(const std::vector<float>& a, const std::vector<float>& b) {
  double errors = 0, squares = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    errors += std::pow(double{a[i]} - b[i], 2);
    squares += double{b[i]} * b[i];
  }
  return std::sqrt(errors / squares);
}

class Smoothing : public testing::TestWithParam<Family> {};

TEST_P(Smoothing, LosesNoMoreWithLargeChannelsThanWithout) {
  const EncoderConfig config = config_of(GetParam());
  const std::vector<float> exact = features(config, Precision::Fp32, 1);
  const double usual = difference(features(config, Precision::Int8, 1), exact);
  EXPECT_GT(usual, 1e-4);
  EXPECT_LT(usual, 0.05);
  for (const float factor : {64.0f, 1.0f / 64}) {
    EXPECT_LT(difference(features(config, Precision::Int8, factor), exact), 1.5 * usual) << factor;
  }
}

TEST_P(Smoothing, LeavesOtherPrecisionsAsTheyAre) {
  const EncoderConfig config = config_of(GetParam());
  const KernelTable kernels = select_kernels(CpuFeatures::detect()).table;
  const ThreadPool pool(1);
  const Ops ops(kernels, pool, Precision::Bf16);
  const FunctionSource source = weights(64);
  ParamLoader params({}, source, ops, {});
  EXPECT_FALSE(params.quantises());
  const std::vector<float> sizes(128, 1.0f);
  const SmoothedLayers mlp = smooth_mlp(params, sizes, {"backbone.layers.0.ffn.layers.0.0", 256});
  EXPECT_TRUE(mlp.first.rows.empty() && mlp.first.columns.empty());
}

INSTANTIATE_TEST_SUITE_P(Families, Smoothing, testing::Values(Family::Sapiens, Family::Sapiens2),
                         [](const auto& family) { return std::string(family_name(family.param)); });

// Whatever the factors are: what a layer divides, the next one multiplies.
TEST(SmoothedLayers, CancelEachOther) {
  const KernelTable kernels = select_kernels(CpuFeatures::detect()).table;
  const ThreadPool pool(2);
  const Ops ops(kernels, pool, Precision::Int8);
  const FunctionSource source([](const std::string& key, Index first, std::span<float> out) {
    const auto seed = static_cast<unsigned>(std::hash<std::string>()(key) + first);
    const auto values = random_normal(std::ssize(out), {.seed = seed});
    // Of very different sizes.
    std::ranges::transform(values, out.begin(), [](float x) { return x * x * x; });
  });
  ParamLoader params({}, source, ops, {});
  const AttentionShape shape{.heads = 4, .kv_heads = 2, .head_dim = 16};
  const std::vector<ParamLoader::Part> qkv{{"wq", 64}, {"wk", 32}, {"wv", 32}};
  const std::vector<float> sizes(64, 1.0f);
  const SmoothedLayers attention = smooth_attention(params, sizes, qkv, shape, "proj");
  EXPECT_GT(*std::ranges::max_element(attention.second.columns), 1);
  const std::vector<float>& rows = attention.first.rows;
  ASSERT_EQ(rows.size(), 128u);
  EXPECT_EQ(std::ranges::count(rows.begin(), rows.begin() + 96, 1.0f), 96);  // q and k
  ASSERT_EQ(attention.second.columns.size(), 64u);
  for (std::size_t c = 0; c < 64; ++c) {
    // Two heads of 16 channels share those of v.
    EXPECT_EQ(attention.second.columns[c] * rows[96 + c / 32 * 16 + c % 16], 1) << c;
  }

  const SmoothedLayers mlp = smooth_gated_mlp(params, sizes, {"w12", 96}, {"w3", 64});
  EXPECT_GT(*std::ranges::max_element(mlp.second.columns), 1);
  ASSERT_EQ(mlp.first.rows.size(), 96u);
  ASSERT_EQ(mlp.second.columns.size(), 48u);
  for (std::size_t i = 0; i < 48; ++i) {
    EXPECT_EQ(mlp.first.rows[i], 1) << i;  // a gate
    EXPECT_EQ(mlp.second.columns[i] * mlp.first.rows[48 + i], 1) << i;
  }
}

TEST(SmoothingFactors, ArePowersOfTwoThatEvenOutSizesAndWeights) {
  using Floats = std::vector<float>;
  EXPECT_EQ(smoothing_factors(Floats{1, 1, 64, 1, 1}, Floats{1, 1, 1, 1, 1}),
            (Floats{1, 1, 8, 1, 1}));
  EXPECT_EQ(smoothing_factors(Floats{1, 1, 64, 1, 1}, Floats{1, 1, 1.0f / 64, 1, 1}),
            (Floats{1, 1, 64, 1, 1}));
  EXPECT_EQ(smoothing_factors(Floats{7, 7, 7}, Floats{3, 48, 3}), (Floats{1, 0.25f, 1}));
  // Says nothing: no size, no weights, numbers that are refused elsewhere.
  EXPECT_EQ(smoothing_factors(Floats{0, 1, 1, NAN, INFINITY}, Floats{1, 0, 1, 1, 1}),
            (Floats{1, 1, 1, 1, 1}));
  EXPECT_EQ(smoothing_factors(Floats{0, 0}, Floats{0, 0}), (Floats{1, 1}));
  EXPECT_EQ(smoothing_factors(Floats{}, Floats{}), Floats{});
  // Bounded, so that no norm becomes 0 or infinite.
  EXPECT_EQ(smoothing_factors(Floats{1, 1, 1e38f}, Floats{1, 1, 1e-38f}), (Floats{1, 1, 65536}));
}

}  // namespace
}  // namespace sapiens

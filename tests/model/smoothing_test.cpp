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
constexpr Index kLarge[] = {5, 77};  // channels which become large

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

struct Outliers {
  float factor = 1;  // what channels behind the norms, and of v, are multiplied by
  float hidden = 1;  // those of the MLP
};

// Random weights, some channels of which are multiplied where they are made. What takes them is
// divided by as much: without gelu, this changes nothing but the rounding to 8 bits.
FunctionSource weights(const Outliers& outliers) {
  return FunctionSource([=](const std::string& key, Index first, std::span<float> out) {
    const auto seed = static_cast<unsigned>(std::hash<std::string>()(key) + first);
    const auto values = random_normal(std::ssize(out), {.deviation = 0.05f, .seed = seed});
    const auto in_block = [&](const char* prefix, const char* ending) {
      return key.starts_with(prefix) && key.ends_with(ending);
    };
    const auto sapiens = [&](const char* ending) { return in_block("backbone.layers.", ending); };
    const auto sapiens2 = [&](const char* ending) { return in_block("backbone.blocks.", ending); };
    const bool norm = sapiens(".ln1.weight") || sapiens(".ln2.weight") || sapiens(".ln1.bias") ||
                      sapiens(".ln2.bias") || sapiens2(".ln1.weight") || sapiens2(".ln2.weight");
    const bool takes_norm = sapiens("qkv.weight") || sapiens("layers.0.0.weight") ||
                            sapiens2("wq.weight") || sapiens2("wk.weight") ||
                            sapiens2("wv.weight") || sapiens2("w12.weight");
    // Multiplies what `chosen` says of the row and column of a weight of so many inputs.
    const auto scale = [&](Index in, float factor, const auto& chosen) {
      for (std::size_t i = 0; i < out.size(); ++i) {
        const Index at = first + static_cast<Index>(i);
        if (chosen(at / in, at % in)) out[i] *= factor;
      }
    };
    const bool weight = key.ends_with(".weight");
    std::ranges::transform(values, out.begin(),
                           [&](float value) { return value + (norm && weight ? 1 : 0); });
    if (norm) scale(1, outliers.factor, [](Index row, Index) { return is_large(row); });
    if (takes_norm) {
      scale(128, 1 / outliers.factor, [](Index, Index column) { return is_large(column); });
    }
    // v of a Sapiens block begins behind 256 outputs of q and k, the values of w12 behind 256
    // gates. Heads have 32 channels, and in the second block of Sapiens2 two share those of v.
    constexpr Index kRow = kLarge[0];
    const bool qkv = sapiens("qkv.weight") || sapiens("qkv.bias");
    const bool w12 = sapiens2("w12.weight") || sapiens2("w12.bias");
    const Index in = weight ? 128 : 1;
    if (qkv || sapiens2("wv.weight") || sapiens2("wv.bias")) {
      scale(in, outliers.factor, [&](Index row, Index) { return row == (qkv ? 256 : 0) + kRow; });
    }
    const bool shared = key.starts_with("backbone.blocks.1.");
    if (sapiens("proj.weight") || sapiens2("proj.weight")) {
      scale(128, 1 / outliers.factor,
            [&](Index, Index column) { return column == kRow || (shared && column == 32 + kRow); });
    }
    if (w12 || sapiens("layers.0.0.weight") || sapiens("layers.0.0.bias")) {
      scale(in, outliers.hidden, [&](Index row, Index) { return row == (w12 ? 256 : 0) + kRow; });
    }
    if (sapiens("layers.1.weight") || sapiens2("w3.weight")) {
      scale(256, 1 / outliers.hidden, [](Index, Index column) { return column == kRow; });
    }
  });
}

struct Features {
  std::vector<float> tokens = {};
  std::vector<std::string> unquantized = {};
};

Features features(const EncoderConfig& config, Precision precision, const Outliers& outliers) {
  const KernelTable kernels = select_kernels(CpuFeatures::detect()).table;
  const ThreadPool pool(2);
  const Ops ops(kernels, pool, precision);
  const LoadedEncoder loaded = load_encoder(config, weights(outliers), ops);
  const std::vector<float> image = random_normal(3 * kSide * kSide, {.seed = 5});
  const TensorView<const float, 3> view{image.data(), {3, kSide, kSide}};
  Features found{
      .tokens = std::vector<float>(static_cast<std::size_t>(config.tokens() * config.width)),
      .unquantized = loaded.unquantized};
  std::vector<float> storage;
  const ConstMatrix positions = loaded.layers->positions(config.grid, storage);
  const EncoderTap tap{.layer = config.depth - 1,
                       .norm = true,
                       .tokens = {found.tokens.data(), {1, config.tokens(), config.width}}};
  const auto forward = [&](Workspace& ws) {
    EncoderNetwork(config, *loaded.layers, ops).forward({&view, 1}, positions, {&tap, 1}, ws);
  };
  Workspace ws(measured_bytes(forward));
  forward(ws);
  return found;
}

double difference(const std::vector<float>& a, const std::vector<float>& b) {
  double errors = 0, squares = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    errors += std::pow(double{a[i]} - b[i], 2);
    squares += double{b[i]} * b[i];
  }
  return std::sqrt(errors / squares);
}

// What 8 bits change, relative to fp32 of the same weights.
double lost(const EncoderConfig& config, const Outliers& outliers) {
  return difference(features(config, Precision::Int8, outliers).tokens,
                    features(config, Precision::Fp32, outliers).tokens);
}

class Smoothing : public testing::TestWithParam<Family> {};

TEST_P(Smoothing, LosesNoMoreWithLargeChannelsThanWithout) {
  const EncoderConfig config = config_of(GetParam());
  const double usual = lost(config, {});
  EXPECT_GT(usual, 1e-4);
  EXPECT_LT(usual, 0.05);
  for (const float factor : {64.0f, 1.0f / 64}) {
    EXPECT_LT(lost(config, {.factor = factor}), 1.5 * usual) << factor;
    EXPECT_LT(lost(config, {.hidden = factor}), 1.5 * usual) << factor;
  }
}

// No factor passes gelu.
TEST_P(Smoothing, LeavesLayersUnquantizedThatWouldLoseTooMuch) {
  using Names = std::vector<std::string>;
  const EncoderConfig config = config_of(GetParam());
  EXPECT_EQ(features(config, Precision::Int8, {.factor = 64}).unquantized, Names{});
  const Names expected =
      GetParam() == Family::Sapiens2
          ? Names{}
          : Names{"backbone.layers.0.ffn.layers.1.weight", "backbone.layers.1.ffn.layers.1.weight"};
  EXPECT_EQ(features(config, Precision::Int8, {.hidden = 64}).unquantized, expected);
  for (const Precision precision : {Precision::Fp32, Precision::Bf16}) {
    EXPECT_EQ(features(config, precision, {.hidden = 64}).unquantized, Names{});
  }
}

TEST_P(Smoothing, LeavesOtherPrecisionsAsTheyAre) {
  const EncoderConfig config = config_of(GetParam());
  const KernelTable kernels = select_kernels(CpuFeatures::detect()).table;
  const ThreadPool pool(1);
  const Ops ops(kernels, pool, Precision::Bf16);
  const FunctionSource source = weights({.factor = 64, .hidden = 64});
  ParamLoader params({}, source, ops, {});
  EXPECT_FALSE(params.quantizes());
  const std::vector<float> sizes(128, 1.0f);
  const SmoothedLayers mlp = smooth_mlp(params, sizes, {"backbone.layers.0.ffn.layers.0.0", 256},
                                        {"backbone.layers.0.ffn.layers.1", 128});
  EXPECT_TRUE(mlp.first.rows.empty() && mlp.first.columns.empty());
  EXPECT_TRUE(mlp.second.quantized);
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

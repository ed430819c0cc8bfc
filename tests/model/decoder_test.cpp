#include "model/decoder.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "core/thread_pool.hpp"
#include "core/workspace.hpp"
#include "kernels/select.hpp"
#include "support/function_source.hpp"
#include "support/random_numbers.hpp"
#include "support/tile_emulator.hpp"

namespace sapiens {
namespace {

constexpr Index kEncoderWidth = 48, kPatches = 20;

// A decoder with random weights, in a workspace of exactly the size that it takes.
class SmallDecoder {
 public:
  SmallDecoder(Precision precision, int threads)
      : pool_(threads), ops_(kernels_, pool_, precision) {
    const FunctionSource source([](const std::string& key, Index first, std::span<float> out) {
      const auto seed = static_cast<unsigned>(std::hash<std::string>()(key) + first);
      const auto values = random_normal(std::ssize(out), {.deviation = 0.1f, .seed = seed});
      std::copy(values.begin(), values.end(), out.begin());
    });
    weights_ = load_decoder(config_, kEncoderWidth, source, ops_).weights;
  }

  std::vector<float> run(const std::vector<float>& tokens, const std::vector<Index>& kept) const {
    std::vector<float> prediction(static_cast<std::size_t>(kPatches * kPatchPixels));
    const Decoder decoder(config_, weights_, ops_);
    const auto forward = [&](Workspace& ws) {
      decoder.forward({tokens.data(), {1 + std::ssize(kept), kEncoderWidth}}, kept,
                      {prediction.data(), {kPatches, kPatchPixels}}, ws);
    };
    Workspace ws(measured_bytes(forward));
    forward(ws);
    return prediction;
  }

 private:
  DecoderConfig config_{
      .width = 64, .depth = 2, .heads = 4, .mlp_width = 128, .tokens = 1 + kPatches};
  KernelTable kernels_ = select_kernels(tested_cpu(), "").table;
  ThreadPool pool_;
  Ops ops_;
  DecoderWeights weights_;
};

class DecoderForward : public testing::TestWithParam<Precision> {};

std::vector<float> tokens_of(std::size_t kept) {
  return random_normal((1 + static_cast<Index>(kept)) * kEncoderWidth, {.seed = 3});
}

TEST_P(DecoderForward, TakesAnyNumberOfVisiblePatches) {
  const SmallDecoder decoder(GetParam(), 2);
  std::vector<Index> kept;
  for (Index patch = 0; patch <= kPatches; ++patch) {
    const std::vector<float> prediction = decoder.run(tokens_of(kept.size()), kept);
    EXPECT_TRUE(std::ranges::all_of(prediction, [](float x) { return std::isfinite(x); })) << patch;
    kept.push_back(patch);
  }
}

TEST_P(DecoderForward, GivesTheSameBitsOnAnyNumberOfThreads) {
  const std::vector<Index> kept = {7, 0, 19, 4, 11};
  EXPECT_EQ(SmallDecoder(GetParam(), 3).run(tokens_of(5), kept),
            SmallDecoder(GetParam(), 1).run(tokens_of(5), kept));
}

// The order in which the encoder saw the patches is undone.
TEST_P(DecoderForward, PutsEveryPatchIntoItsPlace) {
  const std::vector<float> tokens = tokens_of(2);
  std::vector<float> swapped = tokens;
  std::swap_ranges(swapped.begin() + kEncoderWidth, swapped.begin() + 2 * kEncoderWidth,
                   swapped.begin() + 2 * kEncoderWidth);
  const SmallDecoder decoder(GetParam(), 2);
  EXPECT_EQ(decoder.run(swapped, {5, 13}), decoder.run(tokens, {13, 5}));
  EXPECT_NE(decoder.run(tokens, {5, 13}), decoder.run(tokens, {13, 5}));
}

INSTANTIATE_TEST_SUITE_P(Precisions, DecoderForward,
                         testing::Values(Precision::Fp32, Precision::Bf16, Precision::Int8),
                         [](const auto& precision) {
                           return std::string(precision_name(precision.param));
                         });

}  // namespace
}  // namespace sapiens

#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <string>
#include <vector>

#include "core/thread_pool.hpp"
#include "core/workspace.hpp"
#include "kernels/select.hpp"
#include "model/decoder.hpp"
#include "model/encoder.hpp"
#include "model/head.hpp"
#include "model/rtmdet.hpp"
#include "support/function_source.hpp"

// Networks leave the values of activations to `Ops`: every network runs here with its input, its
// outputs and all between at addresses that have no memory, so that code of a network which reads
// or writes a single value ends this program. A network cannot tell such a pass from another one.
namespace sapiens {
namespace {

// Without threads, which a death test forbids.
TEST(MeasuringWorkspace, EndsAProgramThatReadsAValue) {
  Workspace nowhere = Workspace::measuring();
  const Matrix x = nowhere.matrix(2, 3);
  EXPECT_DEATH(std::printf("%f", static_cast<double>(x[1][2])), "");
}

class UnreadableMemory : public testing::Test {
 protected:
  Matrix matrix(Index rows, Index columns) { return nowhere_.matrix(rows, columns); }

  // No variance of a batch norm may be below zero.
  const FunctionSource source_{[](const std::string&, Index, std::span<float> out) {
    for (float& value : out) value = 0.5f;
  }};
  ThreadPool pool_{2};
  KernelTable kernels_ = select_kernels(CpuFeatures::detect()).table;
  Ops ops_{kernels_, pool_, Precision::Fp32};
  Workspace nowhere_ = Workspace::measuring();
};

TEST_F(UnreadableMemory, SufficesForAnEncoder) {
  const EncoderConfig config{.width = 32,
                             .depth = 2,
                             .heads = 2,
                             .mlp_width = 64,
                             .cls_token = true,
                             .grid = {3, 2},
                             .patch_padding = 2};
  const LoadedEncoder loaded = load_encoder(config, source_, ops_);
  const EncoderNetwork encoder(config, *loaded.layers, ops_);
  const Index T = config.tokens();
  const std::array<TensorView<const float, 3>, 2> images{
      TensorView<const float, 3>(matrix(3 * 48, 32).data(), {3, 48, 32}),
      TensorView<const float, 3>(matrix(3 * 48, 32).data(), {3, 48, 32})};
  const std::array<EncoderTap, 2> taps{
      EncoderTap{.layer = 0, .norm = false, .tokens = {matrix(2 * T, 32).data(), {2, T, 32}}},
      EncoderTap{.layer = 1, .norm = true, .tokens = {matrix(2 * T, 32).data(), {2, T, 32}}}};
  const std::vector<Index> kept{4, 0, 1};
  encoder.forward(images, matrix(T, 32), taps, nowhere_);
  encoder.forward_masked(images[0], matrix(T, 32), kept, matrix(4, 32), nowhere_);
}

TEST_F(UnreadableMemory, SufficesForASapiens2Encoder) {
  const EncoderConfig config{.family = Family::Sapiens2,
                             .width = 32,
                             .depth = 2,
                             .heads = 4,
                             .mlp_width = 48,
                             .cls_token = true,
                             .grid = {3, 2},
                             .registers = 8,
                             .kv_heads = {4, 2}};
  const LoadedEncoder loaded = load_encoder(config, source_, ops_);
  const EncoderNetwork encoder(config, *loaded.layers, ops_);
  const Index T = config.tokens();
  const std::array<TensorView<const float, 3>, 2> images{
      TensorView<const float, 3>(matrix(3 * 48, 32).data(), {3, 48, 32}),
      TensorView<const float, 3>(matrix(3 * 48, 32).data(), {3, 48, 32})};
  const std::array<EncoderTap, 2> taps{
      EncoderTap{.layer = 0, .norm = false, .tokens = {matrix(2 * T, 32).data(), {2, T, 32}}},
      EncoderTap{.layer = 1, .norm = true, .tokens = {matrix(2 * T, 32).data(), {2, T, 32}}}};
  std::vector<float> storage;
  encoder.forward(images, loaded.layers->positions(config.grid, storage), taps, nowhere_);
}

TEST_F(UnreadableMemory, SufficesForAHead) {
  const HeadConfig config{.task = Task::Seg,
                          .deconvs = {{8, 12, 4}, {12, 12, 4}},
                          .convs = {{12, 6, 1}, {6, 6, 1}},
                          .final_in = 6,
                          .outputs = 3};
  const LoadedHead loaded = load_head(config, source_, ops_);
  Head(config, loaded.weights, ops_).forward(matrix(6, 8), {3, 2}, matrix(96, 3), nowhere_);
}

TEST_F(UnreadableMemory, SufficesForADecoder) {
  const DecoderConfig config{.width = 32, .depth = 2, .heads = 4, .mlp_width = 64, .tokens = 7};
  const DecoderWeights weights = load_decoder(config, 16, source_, ops_).weights;
  const std::vector<Index> kept{5, 2};
  Decoder(config, weights, ops_).forward(matrix(3, 16), kept, matrix(6, kPatchPixels), nowhere_);
}

TEST_F(UnreadableMemory, SufficesForADetector) {
  const RtmDetConfig config{
      .stem = {4, 4, 8}, .widths = {8, 8, 16, 16}, .blocks = {1, 1, 1, 1}, .head_width = 8};
  const LoadedRtmDet loaded = load_rtmdet(config, source_, ops_);
  std::vector<DetectorLevel> levels;
  for (const Index stride : kDetectorStrides) {
    const Grid size = RtmDet::level_size({64, 96}, stride);
    levels.push_back({.stride = stride,
                      .size = size,
                      .logits = matrix(size.patches(), 1),
                      .distances = matrix(size.patches(), 4)});
  }
  RtmDet(loaded.weights, ops_).forward(matrix(64 * 96, 3), {64, 96}, levels, nowhere_);
}

}  // namespace
}  // namespace sapiens

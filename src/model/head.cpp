#include "model/head.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

#include "model/param_loader.hpp"
#include "model/params.hpp"
#include "sapiens/error.hpp"

namespace sapiens {
namespace {

constexpr Index kDeconvKernel = 4, kConvKernel = 1;

void require_kernel(const ConvShape& conv, Index kernel, const ParamSpec& weight) {
  if (conv.kernel == kernel) return;
  throw Error(
      ErrorCode::CheckpointRefused,
      {.summary = "the head has a convolution of a size that no published head has, and that is "
                  "not implemented",
       .key = weight.key,
       .expected =
           kernel == kDeconvKernel ? "a transposed convolution of 4 x 4" : "a convolution of 1 x 1",
       .actual = fmt::format("{} x {}", conv.kernel, conv.kernel)});
}

// "head.conv_layers.0" of "head.conv_layers.0.weight".
std::string module_of(const ParamSpec& weight) {
  return weight.key.substr(0, weight.key.rfind('.'));
}

}  // namespace

std::size_t HeadWeights::bytes() const noexcept {
  std::size_t total = final.bytes();
  for (const DeconvWeights& deconv : deconvs) {
    for (const LinearWeights& phase : deconv.phases) total += phase.bytes();
  }
  for (const LinearWeights& conv : convs) total += conv.bytes();
  return total;
}

void expect_known_kernels(const HeadConfig& config) {
  const std::vector<ParamSpec> params = head_params(config);
  auto param = params.begin();
  for (const ConvShape& deconv : config.deconvs) require_kernel(deconv, kDeconvKernel, *param++);
  for (const ConvShape& conv : config.convs) {
    require_kernel(conv, kConvKernel, *param);
    param += 2;  // its bias
  }
}

LoadedHead load_head(const HeadConfig& config, const ParamSource& source, const Ops& ops,
                     const std::function<void(double)>& progress) {
  expect_known_kernels(config);
  const std::vector<ParamSpec> params = head_params(config);
  ParamLoader loader(params, source, ops, progress);
  LoadedHead loaded;
  auto param = params.begin();
  for (const ConvShape& deconv : config.deconvs) {
    loaded.weights.deconvs.push_back(loader.deconv(param->key, deconv.out, deconv.in));
    ++param;
  }
  for (const ConvShape& conv : config.convs) {
    loaded.weights.convs.push_back(loader.linear("conv", module_of(*param), conv.out, conv.in));
    param += 2;  // its bias
  }
  loaded.weights.final = loader.linear("final", module_of(*param), config.outputs, config.final_in);
  loaded.non_finite = loader.take_non_finite();
  return loaded;
}

// A convolution that keeps the number of channels works in place; every other layer writes to the
// buffer that it does not read.
Head::Head(const HeadConfig& config, const HeadWeights& weights, const Ops& ops)
    : weights_(weights),
      ops_(ops),
      in_(config.deconvs.empty() ? (config.convs.empty() ? config.final_in : config.convs[0].in)
                                 : config.deconvs[0].in),
      outputs_(config.outputs) {
  Index pixels = 1;
  std::size_t buffer = 0;
  for (const ConvShape& deconv : config.deconvs) {
    pixels *= 4;
    maps_.push_back({.pixels = pixels, .columns = deconv.out, .buffer = buffer = 1 - buffer});
  }
  for (const ConvShape& conv : config.convs) {
    if (maps_.empty() || maps_.back().columns != conv.out) buffer = 1 - buffer;
    maps_.push_back({.pixels = pixels, .columns = conv.out, .buffer = buffer});
  }
  for (const Map& map : maps_) most_columns_ = std::max(most_columns_, map.columns);
}

Grid Head::output_size(Grid patches) const noexcept {
  const Index scale = Index{1} << weights_.deconvs.size();
  return {scale * patches.height, scale * patches.width};
}

std::array<std::size_t, 2> Head::buffer_bytes(Index patches) const noexcept {
  std::array<std::size_t, 2> most{};
  for (const Map& map : maps_) {
    most[map.buffer] =
        std::max(most[map.buffer],
                 activation_bytes(ops_.activation_type(), patches * map.pixels, map.columns));
  }
  return most;
}

void Head::forward(ConstMatrix tokens, Grid patches, Matrix out, Workspace& ws) const {
  const Index N = patches.patches();
  expect_shape("head: tokens", tokens, {N, in_});
  expect_shape("head: output", out, {output_size(patches).patches(), outputs_});

  const Workspace::Scope scope(ws);
  const std::array<std::size_t, 2> bytes = buffer_bytes(N);
  const std::array<std::byte*, 2> buffers{ws.bytes(bytes[0]).data(), ws.bytes(bytes[1]).data()};
  auto next = maps_.begin();
  const auto next_map = [&] {
    const Map& map = *next++;
    return Activations(buffers[map.buffer], ops_.activation_type(), N * map.pixels, map.columns,
                       map.columns);
  };

  const ChannelNorm norm = take_channel_norm(ws, most_columns_);
  ConstActivations x = tokens;
  for (std::size_t i = 0; i < weights_.deconvs.size(); ++i) {
    const Activations y = next_map();
    const Index scale = Index{1} << i;
    ops_.deconv(x, {scale * patches.height, scale * patches.width}, weights_.deconvs[i], y, norm,
                ws);  // y = deconv(x)         [4 pixels of x, out]
    // A deconvolution reads every pixel 16 times: normalise once, before.
    if (i + 1 < weights_.deconvs.size()) ops_.normalize_silu(y, norm, ws);  // y = silu(norm(y))
    x = y;
  }
  const ChannelNorm* of_x = weights_.deconvs.empty() ? nullptr : &norm;
  for (const LinearWeights& conv : weights_.convs) {
    const Activations y = next_map();
    ops_.pointwise(x, of_x, conv, y, &norm, ws);  // y = conv(silu(norm(x)))   [pixels, out]
    of_x = &norm;
    x = y;
  }
  ops_.pointwise(x, of_x, weights_.final, out, nullptr, ws);  // out = final(silu(norm(x)))
}

}  // namespace sapiens

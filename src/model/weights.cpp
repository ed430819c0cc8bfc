#include "model/weights.hpp"

#include <fmt/format.h>

#include <utility>

#include "model/params.hpp"

namespace sapiens {
namespace {

class EncoderLoader {
 public:
  EncoderLoader(const EncoderConfig& config, const ParamSource& source, const Ops& ops,
                const std::function<void(double)>& progress)
      : config_(config), params_(encoder_params(config), source, ops, progress) {}

  LoadedEncoder run() {
    LoadedEncoder loaded;
    EncoderWeights& w = loaded.weights;
    const Index C = config_.width;
    if (config_.cls_token) w.cls_token = params_.vector("backbone.cls_token", C);
    w.pos_embed = params_.vector("backbone.pos_embed", config_.tokens() * C);
    w.patch_embed = params_.linear("embed", "backbone.patch_embed.projection", C, kPatchPixels);
    for (Index i = 0; i < config_.depth; ++i) {
      w.blocks.push_back(
          load_block(params_, fmt::format("backbone.layers.{}", i), config_.block()));
    }
    w.final_norm = load_layer_norm(params_, "backbone.ln1", C);
    loaded.non_finite = params_.take_non_finite();
    return loaded;
  }

 private:
  const EncoderConfig& config_;
  ParamLoader params_;
};

}  // namespace

std::size_t EncoderWeights::bytes() const noexcept {
  std::size_t total = (cls_token.span().size() + pos_embed.span().size()) * sizeof(float);
  total += patch_embed.bytes() + bytes_of(final_norm);
  for (const BlockWeights& block : blocks) total += block.bytes();
  return total;
}

LoadedEncoder load_encoder(const EncoderConfig& config, const ParamSource& source, const Ops& ops,
                           const std::function<void(double)>& progress) {
  return EncoderLoader(config, source, ops, progress).run();
}

}  // namespace sapiens

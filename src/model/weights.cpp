#include "model/weights.hpp"

#include <fmt/format.h>

#include <utility>

#include "model/param_loader.hpp"
#include "model/params.hpp"

namespace sapiens {
namespace {

class Loader {
 public:
  Loader(const EncoderConfig& config, const ParamSource& source, const Ops& ops,
         const std::function<void(double)>& progress)
      : config_(config), params_(encoder_params(config), source, ops, progress) {}

  LoadedEncoder run() {
    LoadedEncoder loaded;
    EncoderWeights& w = loaded.weights;
    const Index C = config_.width;
    const Index M = config_.mlp_width;
    if (config_.cls_token) w.cls_token = params_.vector("backbone.cls_token", C);
    w.pos_embed = params_.vector("backbone.pos_embed", config_.tokens() * C);
    w.patch_embed =
        params_.linear("embed", "backbone.patch_embed.projection", C, 3 * kPatch * kPatch);
    for (Index i = 0; i < config_.depth; ++i) {
      const std::string layer = fmt::format("backbone.layers.{}", i);
      BlockWeights block;
      block.ln1 = layer_norm(layer + ".ln1");
      block.qkv = params_.linear("qkv", layer + ".attn.qkv", 3 * C, C);
      block.proj = params_.linear("proj", layer + ".attn.proj", C, C);
      block.ln2 = layer_norm(layer + ".ln2");
      block.fc1 = params_.linear("fc1", layer + ".ffn.layers.0.0", M, C);
      block.fc2 = params_.linear("fc2", layer + ".ffn.layers.1", C, M);
      w.blocks.push_back(std::move(block));
    }
    w.final_norm = layer_norm("backbone.ln1");
    loaded.non_finite = params_.take_non_finite();
    return loaded;
  }

 private:
  LayerNormWeights layer_norm(const std::string& module) {
    LayerNormWeights norm;
    norm.gamma = params_.vector(module + ".weight", config_.width);
    norm.beta = params_.vector(module + ".bias", config_.width);
    return norm;
  }

  const EncoderConfig& config_;
  ParamLoader params_;
};

std::size_t bytes_of(const LayerNormWeights& norm) noexcept {
  return (norm.gamma.span().size() + norm.beta.span().size()) * sizeof(float);
}

}  // namespace

std::size_t EncoderWeights::bytes() const noexcept {
  std::size_t total = (cls_token.span().size() + pos_embed.span().size()) * sizeof(float);
  total += patch_embed.bytes() + bytes_of(final_norm);
  for (const BlockWeights& block : blocks) {
    total += bytes_of(block.ln1) + block.qkv.bytes() + block.proj.bytes() + bytes_of(block.ln2) +
             block.fc1.bytes() + block.fc2.bytes();
  }
  return total;
}

LoadedEncoder load_encoder(const EncoderConfig& config, const ParamSource& source, const Ops& ops,
                           const std::function<void(double)>& progress) {
  return Loader(config, source, ops, progress).run();
}

}  // namespace sapiens

#include "model/params.hpp"

#include <fmt/format.h>

#include <string>
#include <utility>

namespace sapiens {
namespace {

class ParamList {
 public:
  void add(std::string key, std::vector<Index> shape) {
    params_.push_back({std::move(key), std::move(shape)});
  }

  // A weight of `shape` and its bias, one number per output row.
  void add_layer(const std::string& module, std::vector<Index> shape) {
    const Index outputs = shape[0];
    add(module + ".weight", std::move(shape));
    add(module + ".bias", {outputs});
  }

  // A pre-norm transformer layer, the same in encoder and decoder.
  void add_block(const std::string& block, Index width, Index mlp_width) {
    add_layer(block + ".ln1", {width});
    add_layer(block + ".attn.qkv", {3 * width, width});
    add_layer(block + ".attn.proj", {width, width});
    add_layer(block + ".ln2", {width});
    add_layer(block + ".ffn.layers.0.0", {mlp_width, width});
    add_layer(block + ".ffn.layers.1", {width, mlp_width});
  }

  std::vector<ParamSpec> take() { return std::move(params_); }

 private:
  std::vector<ParamSpec> params_;
};

std::vector<ParamSpec> sapiens_params(const EncoderConfig& config) {
  const Index D = config.width;
  ParamList params;
  if (config.cls_token) params.add("backbone.cls_token", {1, 1, D});
  params.add("backbone.pos_embed", {1, config.grid.patches() > 0 ? config.tokens() : kAny, D});
  params.add_layer("backbone.patch_embed.projection", {D, 3, kPatch, kPatch});
  for (Index i = 0; i < config.depth; ++i) {
    params.add_block(fmt::format("backbone.layers.{}", i), D, config.mlp_width);
  }
  params.add_layer("backbone.ln1",
                   {D});  // the final norm shares its name with the norm inside each layer
  return params.take();
}

// Its final norm is named like the first norm of a block, too; there are no norms with a bias.
std::vector<ParamSpec> sapiens2_params(const EncoderConfig& config) {
  const Index D = config.width, M = config.mlp_width;
  const Index head_dim = config.heads > 0 ? D / config.heads : kAny;
  ParamList params;
  params.add("backbone.cls_token", {1, 1, D});
  params.add("backbone.storage_tokens", {1, config.registers, D});
  params.add_layer("backbone.patch_embed.projection", {D, 3, kPatch, kPatch});
  for (Index i = 0; i < config.depth; ++i) {
    const std::string block = fmt::format("backbone.blocks.{}", i);
    const Index kv_width = config.kv_heads[static_cast<std::size_t>(i)] * head_dim;
    params.add(block + ".ln1.weight", {D});
    params.add_layer(block + ".attn.wq", {D, D});
    params.add_layer(block + ".attn.wk", {kv_width, D});
    params.add_layer(block + ".attn.wv", {kv_width, D});
    params.add(block + ".attn.q_norm.weight", {head_dim});
    params.add(block + ".attn.k_norm.weight", {head_dim});
    params.add_layer(block + ".attn.proj", {D, D});
    params.add(block + ".attn.gamma.weight", {D});
    params.add(block + ".ln2.weight", {D});
    params.add_layer(block + ".ffn.w12", {2 * M, D});
    params.add_layer(block + ".ffn.w3", {D, M});
  }
  params.add("backbone.ln1.weight", {D});
  return params.take();
}

}  // namespace

std::vector<ParamSpec> encoder_params(const EncoderConfig& config) {
  return config.family == Family::Sapiens ? sapiens_params(config) : sapiens2_params(config);
}

std::vector<ParamSpec> decoder_params(const DecoderConfig& config, Index encoder_width) {
  const Index M = config.width;
  ParamList params;
  params.add("neck.mask_token", {1, 1, M});
  params.add("neck.decoder_pos_embed", {1, config.tokens, M});
  params.add_layer("neck.decoder_embed", {M, encoder_width});
  for (Index i = 0; i < config.depth; ++i) {
    params.add_block(fmt::format("neck.decoder_blocks.{}", i), M, config.mlp_width);
  }
  params.add_layer("neck.ln1", {M});
  params.add_layer("neck.decoder_pred", {config.outputs, M});
  return params.take();
}

std::string_view head_prefix(Task task) noexcept {
  return task == Task::Pose ? "head." : "decode_head.";
}
std::string_view head_final_layer(Task task) noexcept {
  return task == Task::Pose ? "final_layer" : "conv_seg";
}

std::vector<ParamSpec> head_params(const HeadConfig& config) {
  const std::string prefix(head_prefix(config.task));
  constexpr std::size_t kStep =
      3;  // convolution, norm and activation; only the first owns parameters
  ParamList params;
  for (std::size_t i = 0; i < config.deconvs.size(); ++i) {
    const ConvShape& conv = config.deconvs[i];
    params.add(fmt::format("{}deconv_layers.{}.weight", prefix, kStep * i),
               {conv.in, conv.out, conv.kernel, conv.kernel});
  }
  for (std::size_t i = 0; i < config.convs.size(); ++i) {
    const ConvShape& conv = config.convs[i];
    params.add_layer(fmt::format("{}conv_layers.{}", prefix, kStep * i),
                     {conv.out, conv.in, conv.kernel, conv.kernel});
  }
  params.add_layer(fmt::format("{}{}", prefix, head_final_layer(config.task)),
                   {config.outputs, config.final_in, 1, 1});
  return params.take();
}

}  // namespace sapiens

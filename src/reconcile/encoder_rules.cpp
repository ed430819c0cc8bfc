#include <algorithm>

#include "reconcile/rules.hpp"

// How encoders are named, in both families.

namespace sapiens {
namespace {

using enum LeftoverRule::Match;

constexpr std::string_view kTimm = "timm";
constexpr std::string_view kSapiens2Backbone =
    "task checkpoints keep the encoder under this name, the published encoders do not";

constexpr ModuleName kSapiensModules[] = {
    {"cls_token", "cls_token"},
    {"pos_embed", "pos_embed"},
    {"patch_embed.projection", "patch_embed.projection"},
    {"layers.{}.ln1", "layers.{}.ln1"},
    {"layers.{}.attn.qkv", "layers.{}.attn.qkv"},
    {"layers.{}.attn.proj", "layers.{}.attn.proj"},
    {"layers.{}.ln2", "layers.{}.ln2"},
    {"layers.{}.ffn.layers.0.0", "layers.{}.ffn.layers.0.0"},
    {"layers.{}.ffn.layers.1", "layers.{}.ffn.layers.1"},
    {"ln1", "ln1"},
};

constexpr ModuleName kTimmModules[] = {
    {"cls_token", "cls_token"},
    {"pos_embed", "pos_embed"},
    {"patch_embed.projection", "patch_embed.proj"},
    {"layers.{}.ln1", "blocks.{}.norm1"},
    {"layers.{}.attn.qkv", "blocks.{}.attn.qkv"},
    {"layers.{}.attn.proj", "blocks.{}.attn.proj"},
    {"layers.{}.ln2", "blocks.{}.norm2"},
    {"layers.{}.ffn.layers.0.0", "blocks.{}.mlp.fc1"},
    {"layers.{}.ffn.layers.1", "blocks.{}.mlp.fc2"},
    {"ln1", "norm"},
};

constexpr ModuleName kHuggingFaceModules[] = {
    {"cls_token", "embeddings.cls_token"},
    {"pos_embed", "embeddings.position_embeddings"},
    {"patch_embed.projection", "embeddings.patch_embeddings.projection"},
    {"layers.{}.ln1", "encoder.layer.{}.layernorm_before"},
    {"layers.{}.attn.proj", "encoder.layer.{}.attention.output.dense"},
    {"layers.{}.ln2", "encoder.layer.{}.layernorm_after"},
    {"layers.{}.ffn.layers.0.0", "encoder.layer.{}.intermediate.dense"},
    {"layers.{}.ffn.layers.1", "encoder.layer.{}.output.dense"},
    {"ln1", "layernorm"},
};

constexpr std::string_view kHuggingFaceQkv[] = {
    "encoder.layer.{}.attention.attention.query",
    "encoder.layer.{}.attention.attention.key",
    "encoder.layer.{}.attention.attention.value",
};

constexpr std::string_view kEncoderAnchors[] = {
    "patch_embed.projection.weight", "patch_embed.projection.bias", "layers.0.attn.qkv.weight",
    "layers.0.attn.proj.weight",     "layers.1.attn.qkv.weight",    "pos_embed",
};

constexpr LeftoverRule kLeftovers[] = {
    {Prefix, "neck.", LeftoverKind::Neck},
    {Suffix, "num_batches_tracked", LeftoverKind::TrainingCounter},
    {Prefix, "head.", LeftoverKind::Head},
    {Prefix, "decode_head.", LeftoverKind::Head},
    {Prefix, "auxiliary_head.", LeftoverKind::AuxiliaryHead},
    {Prefix, "classifier.", LeftoverKind::Head},
    {Prefix, "data_preprocessor.", LeftoverKind::PixelStatistics},
    {Prefix, "pooler.", LeftoverKind::Pooler},
};

constexpr auto kOtherFamily = ForeignPart::Origin::OtherFamily;

constexpr ForeignPart kForeignParts[] = {
    {"ls1.gamma", "layer scale (DINOv2, timm)"},
    {"layer_scale", "layer scale"},
    {"gamma_1", "layer scale (BEiT, CaiT)"},
    {"layerscale", "layer scale"},
    {"relative_position", "relative positions (BEiT, Swin)"},
    {"register_tokens", "register tokens (DINOv2)"},
    {"storage_tokens", "register tokens (DINOv3, Sapiens2)"},
    {"reg_token", "register tokens"},
    {"q_norm", "normalised queries and keys"},
    {"k_norm", "normalised queries and keys"},
    {"attn.wq.", "separate projections of queries, keys and values (Sapiens2)",
     ForeignPart::Place::Anywhere, kOtherFamily},
    {"prompt_embeddings", "prompt tokens (visual prompt tuning)"},
    {"prompt_tokens", "prompt tokens (visual prompt tuning)"},
    {"norm_pre", "a norm before the first block (CLIP)"},
    {"rope_embed", "rotary positions"},
    {"ffn.w12", "a SwiGLU feed-forward layer (Sapiens2)", ForeignPart::Place::Anywhere,
     kOtherFamily},
    {"mlp.w12", "a SwiGLU feed-forward layer (DINOv2 giant)"},
};

constexpr ModuleName kSapiens2Modules[] = {
    {"cls_token", "cls_token"},
    {"storage_tokens", "storage_tokens"},
    {"patch_embed.projection", "patch_embed.projection"},
    {"blocks.{}.ln1", "blocks.{}.ln1"},
    {"blocks.{}.attn.wq", "blocks.{}.attn.wq"},
    {"blocks.{}.attn.wk", "blocks.{}.attn.wk"},
    {"blocks.{}.attn.wv", "blocks.{}.attn.wv"},
    {"blocks.{}.attn.q_norm", "blocks.{}.attn.q_norm"},
    {"blocks.{}.attn.k_norm", "blocks.{}.attn.k_norm"},
    {"blocks.{}.attn.proj", "blocks.{}.attn.proj"},
    {"blocks.{}.attn.gamma", "blocks.{}.attn.gamma"},
    {"blocks.{}.ln2", "blocks.{}.ln2"},
    {"blocks.{}.ffn.w12", "blocks.{}.ffn.w12"},
    {"blocks.{}.ffn.w3", "blocks.{}.ffn.w3"},
    {"ln1", "ln1"},
};

constexpr ModuleName kSapiens2TimmModules[] = {
    {"cls_token", "cls_token"},
    {"storage_tokens", "reg_token"},
    {"patch_embed.projection", "patch_embed.proj"},
    {"blocks.{}.ln1", "blocks.{}.norm1"},
    {"blocks.{}.attn.wq", "blocks.{}.attn.q_proj"},
    {"blocks.{}.attn.wk", "blocks.{}.attn.k_proj"},
    {"blocks.{}.attn.wv", "blocks.{}.attn.v_proj"},
    {"blocks.{}.attn.q_norm", "blocks.{}.attn.q_norm"},
    {"blocks.{}.attn.k_norm", "blocks.{}.attn.k_norm"},
    {"blocks.{}.attn.proj", "blocks.{}.attn.proj"},
    {"blocks.{}.attn.gamma.weight", "blocks.{}.gamma_1"},
    {"blocks.{}.ln2", "blocks.{}.norm2"},
    {"blocks.{}.ffn.w12", "blocks.{}.mlp.fc1"},
    {"blocks.{}.ffn.w3", "blocks.{}.mlp.fc2"},
    {"ln1", "norm"},
};

// What both families share, as the weights of the patches, is none of these.
constexpr std::string_view kSapiens2Anchors[] = {
    "blocks.0.attn.wq.weight",     "blocks.1.attn.wq.weight",    "blocks.0.attn.q_norm.weight",
    "blocks.1.attn.q_norm.weight", "blocks.0.attn.gamma.weight", "storage_tokens",
};

constexpr LeftoverRule kSapiens2Leftovers[] = {
    {Suffix, "num_batches_tracked", LeftoverKind::TrainingCounter},
    {Prefix, "head.weight", LeftoverKind::Classifier},
    {Prefix, "head.bias", LeftoverKind::Classifier},
    {Prefix, "head.", LeftoverKind::UnsupportedHead},
    {Prefix, "decode_head.", LeftoverKind::UnsupportedHead},
    {Prefix, "auxiliary_head.", LeftoverKind::AuxiliaryHead},
    {Prefix, "data_preprocessor.", LeftoverKind::PixelStatistics},
};

constexpr LeftoverRule kSapiens2Harmless[] = {
    {Suffix, "mask_token", LeftoverKind::MaskToken},
    {Anywhere, "rope", LeftoverKind::RotaryTable},
};

using ForeignPlace = ForeignPart::Place;
constexpr std::string_view kBias = "norms with a bias (LayerNorm)";
constexpr std::string_view kFeedForwardScale = "layer scale on the feed-forward layers (DINOv3)";
constexpr std::string_view kJoinedQkv = "queries, keys and values in one matrix (Sapiens, DINOv3)";
constexpr ForeignPart kSapiens2ForeignParts[] = {
    {"gamma_2", kFeedForwardScale, ForeignPlace::Block},
    {"attn.gamma.bias", "a bias beside layer scale", ForeignPlace::Block},
    {"ls1.gamma", "layer scale (DINOv2, DINOv3)", ForeignPlace::Block},
    {"ls2.gamma", kFeedForwardScale, ForeignPlace::Block},
    {"attn.qkv", kJoinedQkv, ForeignPlace::Block},
    {"norm1.bias", kBias, ForeignPlace::Block},
    {"norm2.bias", kBias, ForeignPlace::Block},
    {"q_norm.bias", kBias, ForeignPlace::Block},
    {"k_norm.bias", kBias, ForeignPlace::Block},
    {"ln1.bias", kBias, ForeignPlace::Block},
    {"ln2.bias", kBias, ForeignPlace::Block},
    {"ffn.layers.", "feed-forward layers without a gate (Sapiens)", ForeignPlace::Block,
     kOtherFamily},
    {"ln1.bias", kBias, ForeignPlace::Front},
    {"norm.bias", kBias, ForeignPlace::Front},
    {"pos_embed", "a table of positions (Sapiens)", ForeignPlace::Front},
    {"layers.", "blocks of Sapiens", ForeignPlace::Front, kOtherFamily},
    {"rope.freqs", "rotary frequencies that were learned (timm's rope_mixed)",
     ForeignPlace::Complete},
    {"norm_pre", "a norm before the first block (CLIP)", ForeignPlace::Front},
    {"prompt_", "prompt tokens (visual prompt tuning)", ForeignPlace::Front},
};

// What all names of one family have in common.
constexpr NameScheme kSapiens{.family = Family::Sapiens,
                              .name = "sapiens",
                              .because = "",
                              .modules = kSapiensModules,
                              .split_qkv = {},
                              .block = "layers.",
                              .anchors = kEncoderAnchors,
                              .leftovers = kLeftovers,
                              .foreign = kForeignParts,
                              .unknown_key = LeftoverKind::UnknownToSapiens};
constexpr NameScheme kSapiens2{.family = Family::Sapiens2,
                               .name = "sapiens2",
                               .because = "",
                               .backbone_because = kSapiens2Backbone,
                               .modules = kSapiens2Modules,
                               .split_qkv = {},
                               .block = "blocks.",
                               .anchors = kSapiens2Anchors,
                               .leftovers = kSapiens2Leftovers,
                               .harmless = kSapiens2Harmless,
                               .foreign = kSapiens2ForeignParts,
                               .unknown_key = LeftoverKind::UnknownToSapiens2};

// The family's own names in another spelling.
constexpr NameScheme renamed(NameScheme own, std::string_view name, std::string_view because,
                             std::span<const ModuleName> modules, std::string_view block,
                             std::span<const std::string_view> split_qkv = {}) {
  own.name = name;
  own.because = because;
  own.modules = modules;
  own.block = block;
  own.split_qkv = split_qkv;
  return own;
}

constexpr NameScheme kSchemes[] = {
    kSapiens,
    renamed(kSapiens, kTimm,
            "the file uses the names of timm's VisionTransformer for the same parameters",
            kTimmModules, "blocks."),
    renamed(kSapiens, "Hugging Face",
            "the file uses the names of Hugging Face's ViT for the same parameters",
            kHuggingFaceModules, "encoder.layer.", kHuggingFaceQkv),
    kSapiens2,
    renamed(kSapiens2, kTimm, "the file uses the names of timm's Eva for the same parameters",
            kSapiens2TimmModules, "blocks."),
};

}  // namespace

std::span<const NameScheme> name_schemes() noexcept { return kSchemes; }

const NameScheme& timm_scheme(Family family) noexcept {
  return *std::ranges::find_if(kSchemes, [&](const NameScheme& scheme) {
    return scheme.family == family && scheme.name == kTimm;
  });
}

}  // namespace sapiens

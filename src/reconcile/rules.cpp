#include "reconcile/rules.hpp"

#include <algorithm>

namespace sapiens {
namespace {

constexpr WrapperRule kWrappers[] = {
    {"_fsdp_wrapped_module", "PyTorch FSDP inserts it at every module it wraps"},
    {"_orig_mod", "torch.compile puts it in front of a compiled module"},
    {"_checkpoint_wrapped_module", "activation checkpointing inserts it at every module it wraps"},
};

constexpr std::string_view kUsualName = "a training program's name for the network";
constexpr std::string_view kAverage =
    "trainers that average the weights keep their second set under such a name";

constexpr PrefixRule kPrefixes[] = {
    {"backbone", "", Role::Plain},
    {"state_dict", "", Role::Plain},
    {"module", "DataParallel, DistributedDataParallel and DeepSpeed put it in front of names",
     Role::Plain},
    {"model", kUsualName, Role::Plain},
    {"model_state_dict", kUsualName, Role::Plain},
    {"network", kUsualName, Role::Plain},
    {"params", kUsualName, Role::Plain},
    {"encoder", "third-party programs call the backbone the encoder", Role::Plain},
    {"vit", "Hugging Face's ViT models keep the encoder under this name", Role::Plain},
    {"base_model", "PEFT keeps the network under this name", Role::Plain},
    {"teacher", "the teacher of a self-distillation trainer", Role::Teacher},
    {"student", "the student of a self-distillation trainer", Role::Student},
    {"ema", kAverage, Role::Average},
    {"model_ema", kAverage, Role::Average},
    {"ema_model", kAverage, Role::Average},
    {"module_ema", kAverage, Role::Average},
    {"ema_module", kAverage, Role::Average},
    {"ema_state_dict", kAverage, Role::Average},
    {"state_dict_ema", kAverage, Role::Average},
    {"model_ema_state_dict", kAverage, Role::Average},
    {"ema_model_state_dict", kAverage, Role::Average},
    {"swa_model", kAverage, Role::Average},
    {"averaged_model", kAverage, Role::Average},
    {"params_ema", kAverage, Role::Average},
    {"ema_params", kAverage, Role::Average},
    {"shadow", kAverage, Role::Average},
    {"shadow_params", kAverage, Role::Average},
};

constexpr RoleRule kRoleRules[] = {
    {Role::Teacher, Role::Student, "self-distillation trainers publish the teacher"},
    {Role::Plain, Role::Average,
     "beside a second set of weights, as trainers that average keep it, the plain names count"},
};

constexpr std::string_view kOptimizerState[] = {
    "exp_avg",    "exp_avg_sq", "max_exp_avg_sq", "exp_inf", "exp_avg_diff", "momentum_buffer",
    "square_avg", "grad_avg",   "grad",           "grads",   "gradients",
};

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

// Of an encoder, in every scheme.
constexpr std::string_view kEncoderAnchors[] = {
    "patch_embed.projection.weight", "patch_embed.projection.bias", "layers.0.attn.qkv.weight",
    "layers.0.attn.proj.weight",     "layers.1.attn.qkv.weight",    "pos_embed",
};

constexpr std::string_view kDetectorAnchors[] = {
    "stem.0.conv.weight",           "stem.1.conv.weight",
    "stage1.0.conv.weight",         "stage1.1.main_conv.conv.weight",
    "stage1.1.attention.fc.weight", "stage4.2.main_conv.conv.weight",
};

using enum LeftoverRule::Match;
constexpr LeftoverRule kLeftovers[] = {
    {Prefix, "neck.", LeftoverKind::Neck},
    {Suffix, "num_batches_tracked", LeftoverKind::TrainingCounter},
    {Prefix, "head.", LeftoverKind::Head},
    {Prefix, "decode_head.", LeftoverKind::Head},
    {Prefix, "auxiliary_head.", LeftoverKind::AuxiliaryHead},
    {Prefix, "classifier.", LeftoverKind::Head},
    {Prefix, "data_preprocessor.", LeftoverKind::PixelStatistics},
    {Prefix, "pooler.", LeftoverKind::Pooler},
    {Prefix, "ema_", LeftoverKind::AveragedCopy},
    {Anywhere, "optimizer.", LeftoverKind::OptimizerState},
    {Anywhere, "exp_avg", LeftoverKind::OptimizerState},
    {Anywhere, "momentum_buffer", LeftoverKind::OptimizerState},
    {Anywhere, "param_schedulers.", LeftoverKind::Schedule},
    {Anywhere, "message_hub.", LeftoverKind::TrainingLog},
    {Anywhere, "loss_", LeftoverKind::Loss},
};

constexpr LeftoverRule kDetectorLeftovers[] = {
    {Suffix, "num_batches_tracked", LeftoverKind::TrainingCounter},
    {Prefix, "data_preprocessor.", LeftoverKind::PixelStatistics},
    {Prefix, "ema_", LeftoverKind::AveragedCopy},
    {Anywhere, "optimizer.", LeftoverKind::OptimizerState},
    {Anywhere, "exp_avg", LeftoverKind::OptimizerState},
    {Anywhere, "momentum_buffer", LeftoverKind::OptimizerState},
    {Anywhere, "param_schedulers.", LeftoverKind::Schedule},
    {Anywhere, "message_hub.", LeftoverKind::TrainingLog},
    {Anywhere, "loss_", LeftoverKind::Loss},
};

constexpr NameScheme kSchemes[] = {
    {.family = Family::Sapiens,
     .name = "sapiens",
     .because = "",
     .modules = kSapiensModules,
     .split_qkv = {},
     .block = "layers.",
     .anchors = kEncoderAnchors,
     .leftovers = kLeftovers,
     .unknown_key = LeftoverKind::UnknownToSapiens},
    {.family = Family::Sapiens,
     .name = "timm",
     .because = "the file uses the names of timm's VisionTransformer for the same parameters",
     .modules = kTimmModules,
     .split_qkv = {},
     .block = "blocks.",
     .anchors = kEncoderAnchors,
     .leftovers = kLeftovers,
     .unknown_key = LeftoverKind::UnknownToSapiens},
    {.family = Family::Sapiens,
     .name = "Hugging Face",
     .because = "the file uses the names of Hugging Face's ViT for the same parameters",
     .modules = kHuggingFaceModules,
     .split_qkv = kHuggingFaceQkv,
     .block = "encoder.layer.",
     .anchors = kEncoderAnchors,
     .leftovers = kLeftovers,
     .unknown_key = LeftoverKind::UnknownToSapiens},
};

constexpr NameScheme kDetectorSchemes[] = {
    {.family = Family::Detector,
     .name = "mmdetection",
     .because = "",
     .modules = {},
     .split_qkv = {},
     .block = "",
     .anchors = kDetectorAnchors,
     .leftovers = kDetectorLeftovers,
     .unknown_key = LeftoverKind::UnknownToDetector},
};

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
    {"attn.wq.", "separate projections of queries, keys and values (Sapiens2)"},
    {"prompt_embeddings", "prompt tokens (visual prompt tuning)"},
    {"prompt_tokens", "prompt tokens (visual prompt tuning)"},
    {"norm_pre", "a norm before the first block (CLIP)"},
    {"rope_embed", "rotary positions"},
    {"ffn.w12", "a SwiGLU feed-forward layer (Sapiens2)"},
    {"mlp.w12", "a SwiGLU feed-forward layer (DINOv2 giant)"},
};

}  // namespace

std::span<const WrapperRule> wrapper_rules() noexcept { return kWrappers; }
std::span<const NameScheme> name_schemes() noexcept { return kSchemes; }
std::span<const NameScheme> detector_schemes() noexcept { return kDetectorSchemes; }
std::span<const ForeignPart> foreign_parts() noexcept { return kForeignParts; }

bool is_optimizer_state(std::string_view component) noexcept {
  return std::ranges::find(kOptimizerState, component) != std::end(kOptimizerState);
}

const RoleRule* find_role_rule(Role taken, Role left) noexcept {
  const auto rule = std::ranges::find_if(kRoleRules, [&](const RoleRule& candidate) {
    return candidate.taken == taken && candidate.left == left;
  });
  return rule == std::end(kRoleRules) ? nullptr : &*rule;
}

const PrefixRule* find_prefix_rule(std::string_view component) noexcept {
  const auto rule = std::ranges::find(kPrefixes, component, &PrefixRule::component);
  return rule == std::end(kPrefixes) ? nullptr : &*rule;
}

}  // namespace sapiens

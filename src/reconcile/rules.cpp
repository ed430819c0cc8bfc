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

constexpr std::string_view kDetectorAnchors[] = {
    "stem.0.conv.weight",           "stem.1.conv.weight",
    "stage1.0.conv.weight",         "stage1.1.main_conv.conv.weight",
    "stage1.1.attention.fc.weight", "stage4.2.main_conv.conv.weight",
};

using enum LeftoverRule::Match;
constexpr LeftoverRule kTrainingLeftovers[] = {
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

}  // namespace

std::span<const WrapperRule> wrapper_rules() noexcept { return kWrappers; }
std::span<const NameScheme> detector_schemes() noexcept { return kDetectorSchemes; }
std::span<const LeftoverRule> training_leftovers() noexcept { return kTrainingLeftovers; }

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

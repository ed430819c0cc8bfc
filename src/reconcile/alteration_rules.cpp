#include "reconcile/rules.hpp"

namespace sapiens {
namespace {

using enum AlterationRule::Place;
constexpr std::string_view kLora = "a LoRA adapter that was not merged";
constexpr std::string_view kMerge =
    "merge the adapter first: model = model.merge_and_unload() in PEFT, then save its state_dict()";
constexpr std::string_view kQuantised = "scales of a quantised weight";
constexpr std::string_view kDequantise =
    "give the file that was quantised, or save the weights again in float16, bfloat16 or float32";
constexpr AlterationRule kAlterations[] = {
    {Parameter, "parametrizations", "a parametrization that was not removed",
     "bake it in first: torch.nn.utils.parametrize.remove_parametrizations(module, name) for each "
     "module, then save",
     false},
    {Suffix, "_mask", "a pruning mask that was not applied",
     "apply it first: torch.nn.utils.prune.remove(module, name) for each module, then save", false},
    {Suffix, "_orig", "a weight before spectral normalisation or pruning",
     "bake it in first: torch.nn.utils.remove_spectral_norm(module), or "
     "torch.nn.utils.prune.remove(module, name), then save",
     false},
    {Suffix, "_u", "spectral normalisation that was not removed",
     "bake it in first: torch.nn.utils.remove_spectral_norm(module) for each module, then save",
     false},
    {Suffix, "_g", "weight normalisation that was not removed",
     "bake it in first: torch.nn.utils.remove_weight_norm(module) for each module, then save",
     false},
    {Suffix, "_v", "weight normalisation that was not removed",
     "bake it in first: torch.nn.utils.remove_weight_norm(module) for each module, then save",
     false},
    {Child, "lora_magnitude_vector", "a DoRA adapter that was not merged", kMerge, true},
    {Child, "lora_", kLora, kMerge, true},
    {Child, "linear_a_", kLora, "merge the adapter first, then save the network's state_dict()",
     true},
    {Child, "linear_b_", kLora, "merge the adapter first, then save the network's state_dict()",
     true},
    {Child, "ia3_l", "an IA3 adapter that was not merged", kMerge, true},
    {Child, "vera_lambda_", "a VeRA adapter that was not merged", kMerge, true},
    {Child, "hada_w", "a LoHa adapter that was not merged", kMerge, true},
    {Child, "lokr_w", "a LoKr adapter that was not merged", kMerge, true},
    {Child, "oft_", "an OFT adapter that was not merged", kMerge, true},
    {Child, "boft_", "a BOFT adapter that was not merged", kMerge, true},
    {Child, "base_layer", "an adapter's name for the layer that it changes", kMerge, false},
    {Child, "original_module", "a module of which an adapter keeps a trained copy", kMerge, false},
    {Child, "modules_to_save", "a module of which an adapter keeps a trained copy", kMerge, false},
    {Child, "absmax", kQuantised, kDequantise, false},
    {Child, "quant_map", kQuantised, kDequantise, false},
    {Child, "nested_absmax", kQuantised, kDequantise, false},
    {Child, "nested_quant_map", kQuantised, kDequantise, false},
    {Child, "quant_state", kQuantised, kDequantise, false},
    {Child, "qweight", kQuantised, kDequantise, false},
    {Child, "qzeros", kQuantised, kDequantise, false},
    {Child, "weight_fake_quant", kQuantised, kDequantise, false},
    {Child, "weight_quantizer", kQuantised, kDequantise, false},
    {Child, "_packed_params", kQuantised, kDequantise, false},
    {Suffix, "_zero_point", kQuantised, kDequantise, false},
};
constexpr AlterationRule kIntegerWeights = {
    Suffix, "", "integers, as of a quantised weight without its scales", kDequantise, false};
constexpr AlterationRule kSharedName = {
    Suffix, "", "one of several tensors with this name and different places in the file",
    "save the network's state_dict() alone, so that each name is there once", false};

}  // namespace

std::span<const AlterationRule> alteration_rules() noexcept { return kAlterations; }
const AlterationRule& integer_weights() noexcept { return kIntegerWeights; }
const AlterationRule& shared_name() noexcept { return kSharedName; }

}  // namespace sapiens

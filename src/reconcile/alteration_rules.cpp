#include "reconcile/rules.hpp"

namespace sapiens {
namespace {

using Place = AlterationRule::Place;
constexpr std::string_view kLora = "a LoRA adapter that was not merged";
constexpr std::string_view kMerge =
    "merge the adapter first: model = model.merge_and_unload() in PEFT, then save its state_dict()";
constexpr std::string_view kQuantised = "scales of a quantised weight";
constexpr std::string_view kDequantise =
    "give the file that was quantised, or save the weights again in float16, bfloat16 or float32";
constexpr AlterationRule kAlterations[] = {
    {Place::Parameter, "parametrizations", "a parametrization that was not removed",
     "bake it in first: torch.nn.utils.parametrize.remove_parametrizations(module, name) for each "
     "module, then save",
     false},
    {Place::Suffix, "_mask", "a pruning mask that was not applied",
     "apply it first: torch.nn.utils.prune.remove(module, name) for each module, then save", false},
    {Place::Suffix, "_orig", "a weight before spectral normalisation or pruning",
     "bake it in first: torch.nn.utils.remove_spectral_norm(module), or "
     "torch.nn.utils.prune.remove(module, name), then save",
     false},
    {Place::Suffix, "_u", "spectral normalisation that was not removed",
     "bake it in first: torch.nn.utils.remove_spectral_norm(module) for each module, then save",
     false},
    {Place::Suffix, "_g", "weight normalisation that was not removed",
     "bake it in first: torch.nn.utils.remove_weight_norm(module) for each module, then save",
     false},
    {Place::Suffix, "_v", "weight normalisation that was not removed",
     "bake it in first: torch.nn.utils.remove_weight_norm(module) for each module, then save",
     false},
    {Place::Child, "lora_magnitude_vector", "a DoRA adapter that was not merged", kMerge, true},
    {Place::Child, "lora_", kLora, kMerge, true},
    {Place::Child, "linear_a_", kLora,
     "merge the adapter first, then save the network's state_dict()", true},
    {Place::Child, "linear_b_", kLora,
     "merge the adapter first, then save the network's state_dict()", true},
    {Place::Child, "ia3_l", "an IA3 adapter that was not merged", kMerge, true},
    {Place::Child, "vera_lambda_", "a VeRA adapter that was not merged", kMerge, true},
    {Place::Child, "hada_w", "a LoHa adapter that was not merged", kMerge, true},
    {Place::Child, "lokr_w", "a LoKr adapter that was not merged", kMerge, true},
    {Place::Child, "oft_", "an OFT adapter that was not merged", kMerge, true},
    {Place::Child, "boft_", "a BOFT adapter that was not merged", kMerge, true},
    {Place::Child, "base_layer", "an adapter's name for the layer that it changes", kMerge, false},
    {Place::Child, "original_module", "a module of which an adapter keeps a trained copy", kMerge,
     false},
    {Place::Child, "modules_to_save", "a module of which an adapter keeps a trained copy", kMerge,
     false},
    {Place::Child, "absmax", kQuantised, kDequantise, false},
    {Place::Child, "quant_map", kQuantised, kDequantise, false},
    {Place::Child, "nested_absmax", kQuantised, kDequantise, false},
    {Place::Child, "nested_quant_map", kQuantised, kDequantise, false},
    {Place::Child, "quant_state", kQuantised, kDequantise, false},
    {Place::Child, "qweight", kQuantised, kDequantise, false},
    {Place::Child, "qzeros", kQuantised, kDequantise, false},
    {Place::Child, "weight_fake_quant", kQuantised, kDequantise, false},
    {Place::Child, "weight_quantizer", kQuantised, kDequantise, false},
    {Place::Child, "_packed_params", kQuantised, kDequantise, false},
    {Place::Suffix, "_zero_point", kQuantised, kDequantise, false},
};
constexpr AlterationRule kIntegerWeights = {
    Place::Suffix, "", "integers, as of a quantised weight without its scales", kDequantise, false};
constexpr AlterationRule kSharedName = {
    Place::Suffix, "", "one of several tensors with this name and different places in the file",
    "save the network's state_dict() alone, so that each name is there once", false};

}  // namespace

std::span<const AlterationRule> alteration_rules() noexcept { return kAlterations; }
const AlterationRule& integer_weights() noexcept { return kIntegerWeights; }
const AlterationRule& shared_name() noexcept { return kSharedName; }

}  // namespace sapiens

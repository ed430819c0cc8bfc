#include "engine/explain.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "engine/describe.hpp"
#include "engine/problems.hpp"
#include "model/params.hpp"
#include "model/task_table.hpp"

namespace sapiens {
namespace {

std::string size_of_found(const DetectedModel& model) {
  const Arch* arch = find_arch_by_width(model.encoder.family, model.found_width);
  if (arch != nullptr && arch->depth == model.found_depth)
    return fmt::format("the {} model", shown_arch(arch->name));
  return fmt::format("a model of width {} with {} blocks", model.found_width, model.found_depth);
}

Explanation explain_usable(const Report& report) {
  if (report.verdict == Verdict::Exact)
    return {"every parameter is in the file under its own name", ""};
  std::string text;
  for (const AppliedRule& rule : report.rules) {
    if (!text.empty()) text += "; ";
    text += rule.kind == RuleKind::AddBackbone
                ? "the keys lack \"backbone.\", matched after adding it"
                : rule.rule;
  }
  return {text, ""};
}

Explanation explain_values(const Plan& plan) {
  const auto count = std::ranges::count_if(
      plan.report.mismatched, [](const auto& mismatch) { return !mismatch.type.empty(); });
  return {fmt::format("{} {} stored in a way that this program does not read ({}: {})",
                      counted(count, "parameter"), count == 1 ? "is" : "are",
                      printable(plan.unreadable->type), printable(plan.unreadable->reason)),
          plan.unreadable->hint};
}

std::string altered_text(const Report& report) {
  const auto count = static_cast<Index>(report.altered.size());
  return fmt::format("{} not what is stored under {}: {}",
                     count == 1 ? "1 parameter is" : fmt::format("{} parameters are", count),
                     count == 1 ? "its name" : "their names", report.altered.front().reason);
}

Explanation explain_foreign_parts(const Plan& plan, Family family) {
  const std::string_view own = family == Family::Sapiens2 ? "Sapiens2" : "Sapiens";
  using enum ForeignPart::Origin;
  const auto of_other = std::ranges::find(plan.foreign_parts, OtherFamily, &ForeignPart::origin);
  if (of_other != plan.foreign_parts.end()) {
    return {fmt::format("the encoder mixes parts of Sapiens and of Sapiens2: beside those of {} it "
                        "has {}",
                        own, of_other->meaning),
            "use a file that holds one model alone, as training or publishing wrote it"};
  }
  if (std::ranges::find(plan.foreign_parts, OtherLayout, &ForeignPart::origin) !=
      plan.foreign_parts.end()) {
    return {
        fmt::format("the encoder mixes the published names of {} with those of timm", own),
        "use a file that has the names of one layout alone, as training or publishing wrote it"};
  }
  return {fmt::format("this is another vision transformer: it has {}",
                      plan.foreign_parts.front().meaning),
          fmt::format(
              "{} checkpoints have none of that; use the program that the file was made for", own)};
}

// Blocks of which nothing is there, as when a file was cut short or merged from parts.
Index absent_blocks(const Plan& plan, const DetectedModel& model) {
  std::set<std::string> present;
  std::string_view blocks = block_names(model.encoder.family);
  blocks.remove_suffix(1);
  for (std::size_t i = 0; i < plan.params.size(); ++i) {
    const auto parts = path_components(plan.params[i].key);
    if (plan.bindings[i].bound() && parts.size() > 3 && parts[1] == blocks)
      present.emplace(parts[2]);
  }
  return model.encoder.depth - static_cast<Index>(present.size());
}

// Whether a parameter with such a canonical name stays at zero, for the reason `gap`.
template <typename Matches>
bool lacks(const Plan& plan, Binding::Gap gap, Matches matches) {
  for (std::size_t i = 0; i < plan.params.size(); ++i) {
    if (plan.bindings[i].gap == gap && matches(std::string_view(plan.params[i].key))) return true;
  }
  return false;
}

Explanation explain_incomplete(const Plan& plan, const DetectedModel& model,
                               const ModelHints& options) {
  const bool other_size =
      model.arch != nullptr && model.found_width > 0 &&
      (model.found_width != model.arch->width || model.found_depth > model.arch->depth);
  if (options.arch != nullptr && other_size) {
    return {fmt::format("this is {}, you asked for {}", size_of_found(model),
                        shown_arch(options.arch->name)),
            "leave `arch` out: the size is recognised from the weights"};
  }
  if (model.task == Task::Pretrain && model.file_task != Task::Pretrain &&
      lacks(plan, Binding::Gap::Missing,
            [](std::string_view key) { return key == "backbone.cls_token"; })) {
    return {fmt::format("this is {}; it has no class token", task_row(model.file_task).file),
            "leave `task` out, or use `task` backbone"};
  }
  const auto in_head = [&](std::string_view key) {
    return key.starts_with(head_prefix(model.task));
  };
  if (has_head(model.task) && model.task != model.file_task &&
      lacks(plan, Binding::Gap::Missing, in_head)) {
    return {fmt::format("this is {}; it has no {} head", task_row(model.file_task).file,
                        task_name(model.task)),
            "use a checkpoint that was fine-tuned for this task"};
  }
  const auto is_table = [](std::string_view key) { return key.ends_with("pos_embed"); };
  if (!model.positions.source && lacks(plan, Binding::Gap::Misfit, is_table)) {
    return {"the grid of the position table cannot be told from its length",
            "name it with `grid` HxW"};
  }
  if (const Index blocks = absent_blocks(plan, model); blocks > 0) {
    return {fmt::format(
                "nothing of {} of {} blocks is in the file, as when it holds a part of the model",
                blocks, model.encoder.depth),
            "fetch the file again, or merge its parts"};
  }
  if (!plan.unknown_part.empty()) {
    return {fmt::format("the {} has tensors that are no parameters of a Sapiens {}: computing "
                        "without them would give wrong results",
                        plan.unknown_part, plan.unknown_part),
            "use the program that the file was made for, or `sapiens features` for the encoder"};
  }
  return {"the file looks damaged or edited rather than misnamed",
          "fetch it again, or compute anyway with these parameters at zero and every output "
          "marked: sapiens features `allow_partial`"};
}

// Names that give another program's files away.
struct Lookalike {
  std::string_view part;
  std::string_view what;
  std::string_view hint = {};
};
constexpr Lookalike kLookalikes[] = {
    {"neck.decoder_blocks.", "the decoder of a Sapiens masked autoencoder, without its encoder"},
    {"decode_head.deconv_layers.", "a Sapiens task head without its encoder"},
    {"head.deconv_layers.", "a Sapiens pose head without its encoder"},
    {"bbox_head.rtm_cls", "an RTMDet person detector"},
    {"bbox_head.", "an object detector"},
    {"layer1.0.conv1", "a ResNet (a convolutional network)"},
    {"stages.0.blocks", "a ConvNeXt or Swin network"},
    {"layers.0.blocks.0.attn.relative_position", "a Swin transformer"},
    {"self_attn.q_proj", "a language model or CLIP"},
    {"visual.transformer", "a CLIP model"},
    {"image_encoder.", "a Segment Anything model"},
    {"model.diffusion_model", "a diffusion model"},
    {"unet.", "a diffusion model"},
    {"lora_", "a LoRA adapter without the weights that it changes",
     "merge it into the network first: model.merge_and_unload() in PEFT, then save"},
    {"flat_param", "a part of a model that PyTorch FSDP divided among processes",
     "save it whole: StateDictType.FULL_STATE_DICT"},
    {"fp32_flat_groups", "a part of a model that DeepSpeed ZeRO divided among processes",
     "run zero_to_fp32.py, which DeepSpeed writes into the checkpoint's folder"},
    {"single_partition_of_fp32_groups",
     "a part of a model that DeepSpeed ZeRO divided among processes",
     "run zero_to_fp32.py, which DeepSpeed writes into the checkpoint's folder"},
    {"features.0.weight", "a VGG or AlexNet (a convolutional network)"},
};

Explanation explain_no_tensors(const StateDict& dict, const std::string& hint) {
  if (dict.unreached.empty()) return {"the file holds no tensors at all", hint};
  std::string text = "the file holds no tensors under names, but ";
  for (const Unreached& unreached : dict.unreached) {
    if (&unreached != &dict.unreached.front()) text += ", and ";
    text += unreached.what;
  }
  const std::string& first = dict.unreached.front().hint;
  return {text, first.empty() ? hint : first};
}

}  // namespace

std::optional<Explanation> explain_fit(const Plan& plan) {
  if (plan.unreadable) return explain_values(plan);
  if (plan.alteration != nullptr)
    return Explanation{altered_text(plan.report), std::string(plan.alteration->remedy)};
  if (is_usable(plan.report.verdict)) return explain_usable(plan.report);
  return std::nullopt;
}

Explanation explain(const Plan& plan, const DetectedModel& model, const ModelHints& options) {
  if (auto fit = explain_fit(plan)) return *std::move(fit);
  if (!plan.foreign_parts.empty()) return explain_foreign_parts(plan, model.encoder.family);
  return explain_incomplete(plan, model, options);
}

Explanation explain_encoder_alone(Use use) {
  if (use == Use::Reconstruct) {
    return {"the decoder that Sapiens2 is pretrained with is not known; its encoder gives features",
            "use `sapiens features`, or a pretraining file of Sapiens"};
  }
  return {fmt::format("{}; its encoder gives features", kNoSapiens2Heads),
          "use `sapiens features` for what the encoder sees, or a checkpoint of Sapiens for the "
          "task"};
}

Explanation explain_foreign(const StateDict& dict, const NameIndex& index) {
  const std::string hint =
      "give a Sapiens checkpoint: its keys are cls_token, pos_embed, patch_embed.*, layers.N.*, "
      "ln1.*; or an encoder of Sapiens2: cls_token, storage_tokens, patch_embed.*, blocks.N.*, "
      "ln1.weight";
  if (dict.tensors.empty()) return explain_no_tensors(dict, hint);
  if (dict.tensors.size() == 1 && dict.tensors.front().path() == "tensor") {
    return {
        "the file holds one tensor alone, without a name, as a piece of a distributed "
        "checkpoint does",
        "name the file that torch.save wrote of the whole model; a distributed checkpoint "
        "becomes one with `python -m torch.distributed.checkpoint.format_utils dcp_to_torch "
        "FOLDER FILE.pth`"};
  }
  for (const Lookalike& lookalike : kLookalikes) {
    for (std::size_t i = 0; i < index.size(); ++i) {
      if (index.plain_path(i).find(lookalike.part) != std::string::npos) {
        return {
            fmt::format("this looks like {}, not like a vision transformer of the Sapiens family",
                        lookalike.what),
            lookalike.hint.empty() ? hint : std::string(lookalike.hint)};
      }
    }
  }
  const auto first = std::ranges::min_element(
      dict.tensors, {}, [](const TensorEntry& tensor) { return tensor.path(); });
  return {fmt::format("no encoder was found by the names in the file; the first of them is {}",
                      first->path()),
          hint};
}

}  // namespace sapiens

#include "reconcile/reasons.hpp"

#include <fmt/format.h>

#include <cstddef>

#include "reconcile/rules.hpp"

namespace sapiens {
namespace {

// `{}` stands for what the rule is about.
struct RuleText {
  RuleKind kind;
  std::string_view text, reason;  // without a reason where each such rule has its own
};
constexpr RuleText kRuleTexts[] = {
    {RuleKind::AddBackbone, "add prefix backbone.",
     "the file's keys lack it, as in cleaned pretraining files; the original then loads nothing"},
    {RuleKind::RemovePrefix, "remove prefix {}.",
     "the names of the model were found nowhere else in the file"},
    {RuleKind::RemoveWrapper, "remove {}. from names", ""},
    {RuleKind::RenameFrom, "rename from {}", ""},
    {RuleKind::FollowSharedName, "follow a shared name",
     "the file stores a tensor of several names once, and notes the others in its metadata"},
    {RuleKind::JoinQkv, "join query, key and value",
     "the file stores them as three matrices, the model as one"},
    {RuleKind::DropClassPosition, "drop the class token's position",
     "this model has no class token; fine-tuning drops the row too"},
    {RuleKind::ResizePositions, "resize pos_embed from {}",
     "bicubic, as the original does when the grid differs"},
    {RuleKind::Widen, "widen {} to f32", "every such value is also an f32 value"},
    {RuleKind::Round, "convert {} to f32", "the model computes in f32; values are rounded"},
};

// `{}` stands for `Leftover::what`.
struct LeftoverText {
  LeftoverKind kind;
  std::string_view text;
};
constexpr LeftoverText kLeftoverTexts[] = {
    {LeftoverKind::Neck, "a neck, as the MAE decoder: `reconstruct` needs that, features do not"},
    {LeftoverKind::Head, "a head: features come from the encoder alone"},
    {LeftoverKind::UnsupportedHead,
     "a head of a Sapiens2 task model, which is not supported: features come from the encoder "
     "alone"},
    {LeftoverKind::Classifier, "a classifier: features come from the encoder alone"},
    {LeftoverKind::AuxiliaryHead, "an auxiliary head, which training alone uses"},
    {LeftoverKind::Pooler, "a pooling layer after the encoder, which Sapiens does not have"},
    {LeftoverKind::TrainingCounter, "a BatchNorm training counter"},
    {LeftoverKind::PixelStatistics,
     "mean and deviation of the pixels; not read, the published ones are used"},
    {LeftoverKind::AveragedCopy,
     "an averaged copy of a parameter, as a hook for averages names it"},
    {LeftoverKind::OptimizerState, "optimizer state, needed only to resume training"},
    {LeftoverKind::Schedule, "learning-rate schedule, needed only to resume training"},
    {LeftoverKind::TrainingLog, "training log"},
    {LeftoverKind::Loss, "named as a part of the training loss"},
    {LeftoverKind::ScaleFactor, "the scale factor of a weight that cannot be read"},
    {LeftoverKind::Alteration, "{}: it changes parameters of the model"},
    {LeftoverKind::OtherModel, "{}"},
    {LeftoverKind::ClassToken, "the class token: this model has none"},
    {LeftoverKind::MaskToken, "the mask token, which pretraining alone uses"},
    {LeftoverKind::RotaryTable,
     "rotary positions: they are computed for the grid of each input, not read"},
    {LeftoverKind::UnknownPart, "a part of the {} that this program does not compute"},
    {LeftoverKind::SecondSet, "a second set of weights under {}. ({})"},
    {LeftoverKind::SurplusBlock, "a block beyond the last one of this model"},
    {LeftoverKind::ForeignPart, "{}: computing without it would give wrong results"},
    {LeftoverKind::UnknownToSapiens, "no part of a Sapiens model has this name"},
    {LeftoverKind::UnknownToSapiens2, "no part of a Sapiens2 encoder has this name"},
    {LeftoverKind::UnknownToDetector, "no part of a person detector has this name"},
};

// The tables are in the order of their kinds.
template <typename Row, std::size_t size, typename Kind>
constexpr const Row& row_of(const Row (&rows)[size], Kind kind) {
  return rows[static_cast<std::size_t>(kind)];
}
template <typename Row, std::size_t size>
constexpr bool in_order(const Row (&rows)[size]) {
  for (std::size_t i = 0; i < size; ++i) {
    if (static_cast<std::size_t>(rows[i].kind) != i) return false;
  }
  return true;
}
static_assert(in_order(kRuleTexts) && in_order(kLeftoverTexts));

}  // namespace

std::string leftover_text(const Leftover& leftover) {
  const PrefixRule* const prefix =
      leftover.kind == LeftoverKind::SecondSet ? find_prefix_rule(leftover.what) : nullptr;
  std::string text = fmt::format(fmt::runtime(row_of(kLeftoverTexts, leftover.kind).text),
                                 leftover.what, prefix ? prefix->because : "");
  if (!leftover.type.empty()) text += fmt::format(" (type {}, which is not read)", leftover.type);
  return text;
}

AppliedRule applied_rule(RuleKind kind, std::string_view name, std::string_view because) {
  const RuleText& row = row_of(kRuleTexts, kind);
  return {.kind = kind,
          .name = std::string(name),
          .rule = fmt::format(fmt::runtime(row.text), name),
          .reason = std::string(because.empty() ? row.reason : because)};
}

}  // namespace sapiens

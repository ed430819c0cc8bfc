#pragma once

#include <compare>
#include <string>
#include <string_view>

#include "sapiens/report.hpp"

namespace sapiens {

// Reasons for the treatment of names and values, as enums for decisions. Only reasons.cpp converts
// them to texts of a report.

/// Why a tensor of the file is not used.
enum class LeftoverKind {
  Neck,
  Head,
  UnsupportedHead,  ///< Of a Sapiens2 task model.
  Classifier,
  AuxiliaryHead,
  Pooler,
  TrainingCounter,
  PixelStatistics,
  AveragedCopy,
  OptimizerState,
  Schedule,
  TrainingLog,
  Loss,
  ScaleFactor,  ///< It belongs to a weight whose values cannot be read.
  Alteration,   ///< It changes parameters when the network runs; `what` says how.
  OtherModel,   ///< A parameter of a model that was not taken; `what` says which.
  ClassToken,   ///< The model has none.
  MaskToken,
  RotaryTable,  ///< Anything about rotary positions, which the encoder computes.
  UnknownPart,  ///< Part of a head or decoder, `what`, that this program does not compute.
  SecondSet,    ///< Weights that a trainer keeps under the component `what`.
  SurplusBlock,
  ForeignPart,  ///< Part of another network; `what` says of which.
  UnknownToSapiens,
  UnknownToSapiens2,
  UnknownToDetector,
};

struct Leftover {
  LeftoverKind kind = LeftoverKind::UnknownToSapiens;
  std::string what = {};
  std::string type = {};  ///< The type of values that cannot be read: "float8_e4m3fn".

  // NOLINTNEXTLINE(modernize-use-nullptr): what clang-tidy 14 says of every such operator
  friend auto operator<=>(const Leftover&, const Leftover&) = default;
};
std::string leftover_text(const Leftover& leftover);

/// `because` is empty for rules whose reason is always the same.
AppliedRule applied_rule(RuleKind kind, std::string_view name, std::string_view because);

}  // namespace sapiens

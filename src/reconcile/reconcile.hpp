#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "checkpoint/state_dict.hpp"
#include "reconcile/names.hpp"
#include "reconcile/param_spec.hpp"
#include "sapiens/report.hpp"

namespace sapiens {

/// How the position table of the file is converted to that of the model.
struct PositionPlan {
  Index file_extra = 0;             ///< Leading tokens in the file's table (1 with a class token).
  Index model_extra = 0;            ///< Leading tokens in the model's.
  std::optional<Grid> source = {};  ///< The grid of the file; empty if unknown.
  Grid target = {};                 ///< The model's grid.
};

/// Where the values of one parameter come from.
struct Binding {
  /// Tensors whose rows, joined in order, are the parameter; empty when it stays at zero.
  std::vector<std::size_t> tensors = {};
  /// Set when the values have to go through `resize_positions`.
  std::optional<PositionPlan> positions = {};
  /// Why it stays at zero.
  enum class Gap {
    None,
    Missing,  ///< A tensor that it needs is not in the file.
    Misfit,   ///< One has another shape, or values that cannot be read.
    Altered,  ///< Other tensors change it when the network runs.
  };
  Gap gap = Gap::None;

  bool bound() const noexcept { return !tensors.empty(); }
};

/// The decision for one model and one file; `bindings` goes with `params`, entry by entry.
struct Plan {
  std::vector<ParamSpec> params = {};
  std::vector<Binding> bindings = {};
  Report report = {};
  /// Parts that no encoder of the family has; any of these shows that the file is another model.
  std::vector<ForeignPart> foreign_parts = {};
  /// Why the first parameter with values that cannot be read has none.
  std::optional<Unreadable> unreadable = {};
  /// "head" or "decoder" if that part of the file has tensors that the model lacks.
  std::string unknown_part = {};
  bool surplus_blocks = false;  ///< The file has more blocks than the model.
  /// The first kind of alteration of parameters, if there is one.
  const AlterationRule* alteration = nullptr;
};

/// Decides, without touching any value, where every parameter comes from and why every other tensor
/// is not used. Pure: the same file and specs give the same plan. `explanation` and `hint` of the
/// report are left to the caller, who knows what was asked for.
Plan reconcile(const StateDict& dict, const NameIndex& index, const EncoderNames& names,
               std::vector<ParamSpec> params, const PositionPlan& positions);

}  // namespace sapiens

#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/state_dict.hpp"
#include "reconcile/names.hpp"
#include "reconcile/reconcile.hpp"
#include "sapiens/report.hpp"

namespace sapiens {

/// A model of a file, as far as choosing between several needs to know it.
struct Contender {
  const EncoderNames* names = nullptr;
  const Plan* plan = nullptr;
  FoundModel found = {};  ///< Without `taken` and `reason`.
};

/// What became of the models of a file.
struct Choice {
  std::optional<std::size_t> taken = {};  ///< Nothing where several are equally good.
  std::string because = {};               ///< Why; empty for the only model.
  std::vector<std::size_t> rivals = {};   ///< Those that are equally good where none is taken.
  std::vector<FoundModel> found = {};     ///< Of the contenders, in their order.
};

/// Chooses one of `contenders`: the one that `prefix` names; else the only complete one; else the
/// one that a rule about roles prefers. Complete ones that are the same tensors count as one. Does
/// not depend on the order of tensors in the file.
Choice choose_model(const StateDict& dict, std::span<const Contender> contenders,
                    std::string_view prefix);

/// Whether `prefix` names this place; true for no prefix.
bool is_named(std::string_view prefix, const EncoderNames& names);

/// Names for `roots`, paths in front of models, as `ModelOptions::prefix` takes them: without
/// "state_dict." and the final dot where that is enough.
std::vector<std::string> prefix_names(std::span<const std::string> roots);

/// "encoder_q  30 of 30 parameters, width 192, 2 blocks"
std::string describe_found(const FoundModel& model);

/// Throws `Error(InvalidArgument)`, which lists what the file has.
[[noreturn]] void refuse_prefix(const StateDict& dict, std::string_view prefix,
                                std::span<const FoundModel> found);

}  // namespace sapiens

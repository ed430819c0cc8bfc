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

/// A candidate for choosing one of several models in a file.
struct Contender {
  const EncoderNames* names = nullptr;
  const Plan* plan = nullptr;
  FoundModel found = {};  ///< `taken` and `reason` are not set.
};

/// The result of choosing between the models of a file.
struct Choice {
  std::optional<std::size_t> taken = {};  ///< Empty if several are equally good.
  std::string because = {};               ///< Why; empty for the only model.
  std::vector<std::size_t> rivals = {};   ///< The equally good ones, if none is taken.
  std::vector<FoundModel> found = {};     ///< One entry per contender, in the same order.
};

/// Chooses one of `contenders`: the one that `prefix` selects, otherwise the only complete one,
/// otherwise the one that a rule about roles prefers. Complete contenders with identical tensors
/// count as one. The result does not depend on the order of tensors in the file.
Choice choose_model(const StateDict& dict, std::span<const Contender> contenders,
                    std::string_view prefix);

/// True if `prefix` selects this place, or is empty.
bool is_named(std::string_view prefix, const EncoderNames& names);

/// Converts `roots`, the path prefixes of models, to values of `ModelOptions::prefix`: without
/// "state_dict." and the final dot where the result is unambiguous.
std::vector<std::string> prefix_names(std::span<const std::string> roots);

/// "encoder_q  30 of 30 parameters, width 192, 2 blocks"
std::string describe_found(const FoundModel& model);

/// Throws `Error(InvalidArgument)` that lists the models of the file.
[[noreturn]] void refuse_prefix(const StateDict& dict, std::string_view prefix,
                                std::span<const FoundModel> found);

}  // namespace sapiens

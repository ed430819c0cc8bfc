#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>

#include "checkpoint/state_dict.hpp"
#include "reconcile/names.hpp"
#include "reconcile/param_spec.hpp"

namespace sapiens {

/// Names that programs give to the scale factor of a quantised weight.
inline constexpr std::string_view kWeightScales[] = {"weight_scale", "weight_scale_inv",
                                                     "scale_weight", "SCB"};

/// The scale factor of the matrix at `path`, if there is one. Programs that quantise weights to 8
/// bits or fewer divide them by a factor; without it the values are not weights, even if they were
/// converted to another type.
std::optional<std::size_t> find_scale_factor(const NameIndex& index, std::string_view path);

/// Why stored tensors differ from the effective parameters of a model.
class Changes {
 public:
  Changes(const StateDict& dict, const NameIndex& index, const EncoderNames& names,
          std::span<const ParamSpec> params);

  struct Change {
    const AlterationRule* rule = nullptr;
    std::size_t by = 0;  ///< A tensor.
  };
  /// Of the parameter, or the part of one, at `path` of the file; remembered for `explains`.
  std::optional<Change> of(const std::string& path);
  /// The rule that makes `tensor` a change of one of those parameters, or null.
  const AlterationRule* explains(std::size_t tensor) const;

 private:
  void find_separate_adapters(std::span<const ParamSpec> params);

  const StateDict& dict_;
  const NameIndex& index_;
  const EncoderNames& names_;
  /// Adapters in a dictionary of their own, by the parameter that they change.
  std::map<std::string, std::size_t, std::less<>> separate_;
  std::set<std::size_t> adapters_;              ///< All of them.
  std::set<std::string, std::less<>> changed_;  ///< Parameters and their modules.
};

}  // namespace sapiens

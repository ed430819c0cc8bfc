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

/// What programs call the factor of a weight in 8 bits or fewer.
inline constexpr std::string_view kWeightScales[] = {"weight_scale", "weight_scale_inv",
                                                     "scale_weight", "SCB"};

/// The factor of the matrix at `path`, where one stands beside it: programs that store weights in 8
/// bits or fewer divide them by a factor first. Without it the numbers are no weights, whatever
/// type somebody converted them to.
std::optional<std::size_t> find_scale_factor(const NameIndex& index, std::string_view path);

/// Why parameters of one model are not what is stored under their names.
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

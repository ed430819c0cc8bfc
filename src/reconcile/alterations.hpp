#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "reconcile/rules.hpp"

namespace sapiens {

/// Tensors of a file that change a parameter when the network runs: adapters, parametrizations,
/// scales of quantised weights.
class Alterations {
 public:
  struct Change {
    const AlterationRule* rule = nullptr;
    std::size_t tensor = 0;  ///< The one of them whose name comes first.
  };

  explicit Alterations(std::span<const std::string> plain_paths);

  /// The alteration of the parameter at `path`, "backbone.layers.0.attn.qkv.weight", or null.
  const Change* find(std::string_view path) const;
  /// The rule by which `tensor` alters a parameter, or null.
  const AlterationRule* rule_of(std::size_t tensor) const { return rules_[tensor]; }
  /// The module or parameter that `tensor` would change.
  std::string_view owner_of(std::size_t tensor) const { return owners_[tensor]; }
  /// Indices of all such tensors.
  std::span<const std::size_t> tensors() const { return tensors_; }

 private:
  std::vector<const AlterationRule*> rules_;
  std::vector<std::string> owners_;
  std::vector<std::size_t> tensors_;
  std::map<std::string, Change, std::less<>> by_owner_;
};

/// "a.b" for "a.b.weight"; a name without a dot is returned unchanged.
std::string_view module_of(std::string_view path) noexcept;

}  // namespace sapiens

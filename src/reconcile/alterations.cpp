#include "reconcile/alterations.hpp"

#include <optional>

namespace sapiens {
namespace {

using Place = AlterationRule::Place;

// What `rule` says `path` changes; nothing where it does not apply.
std::optional<std::string> owner(const AlterationRule& rule, std::string_view path) {
  if (rule.place == Place::Suffix) {
    if (!path.ends_with(rule.mark) || path.size() == rule.mark.size()) return std::nullopt;
    return std::string(path.substr(0, path.size() - rule.mark.size()));
  }
  for (std::size_t dot = path.find('.'); dot != path.npos; dot = path.find('.', dot + 1)) {
    const std::string_view below = path.substr(dot + 1);
    if (!below.starts_with(rule.mark)) continue;
    if (rule.place == Place::Child) return std::string(path.substr(0, dot));
    // "qkv.parametrizations.weight.original0" changes "qkv.weight".
    const std::string_view rest = below.substr(rule.mark.size());
    if (!rest.starts_with('.')) continue;
    const std::string_view leaf = rest.substr(1, rest.find('.', 1) - 1);
    return std::string(path.substr(0, dot + 1)) + std::string(leaf);
  }
  return std::nullopt;
}

}  // namespace

Alterations::Alterations(std::span<const std::string> plain_paths)
    : rules_(plain_paths.size()), owners_(plain_paths.size()) {
  for (std::size_t tensor = 0; tensor < plain_paths.size(); ++tensor) {
    for (const AlterationRule& rule : alteration_rules()) {
      const std::optional<std::string> changed = owner(rule, plain_paths[tensor]);
      if (!changed) continue;
      rules_[tensor] = &rule;
      owners_[tensor] = *changed;
      tensors_.push_back(tensor);
      const auto [known, is_new] = by_owner_.try_emplace(*changed, Change{&rule, tensor});
      Change& change = known->second;
      if (!is_new && (&rule < change.rule ||
                      (&rule == change.rule && plain_paths[tensor] < plain_paths[change.tensor]))) {
        change = {&rule, tensor};
      }
      break;
    }
  }
}

const Alterations::Change* Alterations::find(std::string_view path) const {
  if (const auto own = by_owner_.find(path); own != by_owner_.end()) return &own->second;
  const auto of_module = by_owner_.find(module_of(path));
  if (of_module == by_owner_.end()) return nullptr;
  // Adapters and scales are about the matrix.
  return path.ends_with(".weight") ? &of_module->second : nullptr;
}

std::string_view module_of(std::string_view path) noexcept {
  const auto dot = path.rfind('.');
  return dot == path.npos ? path : path.substr(0, dot);
}

}  // namespace sapiens

#include "reconcile/changes.hpp"

#include <algorithm>

#include "sapiens/dtype.hpp"

namespace sapiens {
std::optional<std::size_t> find_scale_factor(const NameIndex& index, std::string_view path) {
  constexpr std::string_view kWeight = "weight";
  if (!path.ends_with(kWeight)) return std::nullopt;
  path.remove_suffix(kWeight.size());
  for (const std::string_view name : kWeightScales) {
    if (const auto scale = index.find(std::string(path).append(name))) return scale;
  }
  return std::nullopt;
}

Changes::Changes(const StateDict& dict, const NameIndex& index, const EncoderNames& names,
                 std::span<const ParamSpec> params)
    : dict_(dict), index_(index), names_(names) {
  if (!index_.alterations().tensors().empty()) find_separate_adapters(params);
}

void Changes::find_separate_adapters(std::span<const ParamSpec> params) {
  std::map<std::string, std::string, std::less<>> parameters;  // by module without the root
  for (const ParamSpec& param : params) {
    for (std::string& path : file_paths(names_, param.key)) {
      if (!path.ends_with(".weight") || !path.starts_with(names_.root)) continue;
      std::string module(module_of(path).substr(names_.root.size()));
      parameters.try_emplace(std::move(module), std::move(path));
    }
  }
  const Alterations& all = index_.alterations();
  for (const std::size_t tensor : all.tensors()) {
    const std::string& path = index_.plain_path(tensor);
    const bool of_other = std::ranges::any_of(names_.others, [&](const OtherNames& other) {
      return other.owns(tensor, path, names_.parent());
    });
    if (of_other || !all.rule_of(tensor)->adapter) continue;
    for (std::string_view rest = all.owner_of(tensor); !rest.empty();) {
      if (const auto found = parameters.find(rest); found != parameters.end()) {
        const auto [known, is_new] = separate_.try_emplace(found->second, tensor);
        if (path < index_.plain_path(known->second)) known->second = tensor;
        adapters_.insert(tensor);
      }
      const auto dot = rest.find('.');
      rest = dot == rest.npos ? std::string_view() : rest.substr(dot + 1);
    }
  }
}

std::optional<Changes::Change> Changes::of(const std::string& path) {
  const auto stored = index_.find(path);
  std::optional<Change> change;
  if (const Alterations::Change* beside = index_.alterations().find(path)) {
    change = Change{beside->rule, beside->tensor};
  } else if (const auto separate = separate_.find(path); separate != separate_.end()) {
    change = Change{index_.alterations().rule_of(separate->second), separate->second};
  } else if (stored && index_.is_ambiguous(*stored)) {
    change = Change{&shared_name(), *stored};
  } else if (stored && !dict_.tensors[*stored].unreadable &&
             !is_floating(dict_.tensors[*stored].dtype) && !find_scale_factor(index_, path)) {
    change = Change{&integer_weights(), *stored};
  }
  if (change) {
    changed_.insert(path);
    if (path.ends_with(".weight")) changed_.emplace(module_of(path));
  }
  return change;
}

const AlterationRule* Changes::explains(std::size_t tensor) const {
  const AlterationRule* rule = index_.alterations().rule_of(tensor);
  if (rule == nullptr) return nullptr;
  const std::string_view owner = index_.alterations().owner_of(tensor);
  return adapters_.contains(tensor) || changed_.contains(owner) ? rule : nullptr;
}

}  // namespace sapiens

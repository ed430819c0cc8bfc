#include "reconcile/reconcile.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <optional>
#include <utility>

#include "core/shape.hpp"
#include "reconcile/changes.hpp"
#include "reconcile/leftovers.hpp"
#include "reconcile/reasons.hpp"

namespace sapiens {
namespace {

using Shape = std::vector<Index>;

bool fits(std::span<const Index> wanted, std::span<const Index> found) noexcept {
  return std::ranges::equal(wanted, found, [](Index w, Index f) { return w == kAny || w == f; });
}

// Works through the parameters of one model and remembers which rules were needed.
class Reconciler {
 public:
  Reconciler(const StateDict& dict, const NameIndex& index, const EncoderNames& names,
             const PositionPlan& positions)
      : dict_(dict),
        index_(index),
        names_(names),
        positions_(positions),
        used_(dict.tensors.size()) {}

  Plan run(std::vector<ParamSpec> params) {
    plan_.report.required = static_cast<Index>(params.size());
    changes_.emplace(dict_, index_, names_, params);
    for (const ParamSpec& param : params) {
      plan_.bindings.push_back(bind(param));
      if (plan_.bindings.back().bound()) ++plan_.report.bound;
    }
    plan_.params = std::move(params);
    note_name_rules();
    explain_leftovers(dict_, index_, names_, *changes_, used_, plan_);
    plan_.report.verdict = verdict();
    return std::move(plan_);
  }

 private:
  Binding bind(const ParamSpec& param) {
    Binding binding;
    const std::vector<std::string> paths = file_paths(names_, param.key);
    if (is_altered(paths)) return {.gap = Binding::Gap::Altered};
    for (const std::string& path : paths) {
      const auto tensor = index_.find(path);
      if (!tensor) {
        // For a split qkv each absent part is named by itself.
        Shape shape = param.shape;
        if (paths.size() > 1) shape[0] /= static_cast<Index>(paths.size());
        plan_.report.missing.push_back({.key = shown_key(path), .shape = shape});
      } else {
        binding.tensors.push_back(*tensor);
      }
    }
    if (binding.tensors.size() != paths.size()) return {.gap = Binding::Gap::Missing};
    if (!readable(param, paths, binding) || !shapes_fit(param, paths, binding)) {
      return {.gap = Binding::Gap::Misfit};
    }
    for (const std::string& path : paths) {
      if (index_.is_alias(path)) count(RuleKind::FollowSharedName);
    }
    for (const std::size_t tensor : binding.tensors) {
      used_[tensor] = true;
      note_dtype(dict_.tensors[tensor].dtype);
    }
    if (binding.tensors.size() > 1) count(RuleKind::JoinQkv);
    return binding;
  }

  // Values that cannot be had are refused here, where they are needed, and nowhere else.
  bool readable(const ParamSpec& param, std::span<const std::string> paths,
                const Binding& binding) {
    bool all_readable = true;
    for (std::size_t i = 0; i < paths.size(); ++i) {
      const TensorEntry& tensor = dict_.tensors[binding.tensors[i]];
      auto unreadable = tensor.unreadable;
      if (const auto scale = find_scale_factor(index_, paths[i]); scale && !unreadable) {
        unreadable = Unreadable{
            .type = fmt::format("scaled {}", dtype_name(tensor.dtype)),
            .reason = fmt::format("its scale factor {} belongs to the values",
                                  shown_key(dict_.tensors[*scale].path())),
            .hint =
                "use the 16-bit or 32-bit file of the same model; or multiply the weights by "
                "their scale factors in PyTorch, and save without the factors"};
      }
      if (!unreadable) continue;
      mismatch(binding.tensors[i], paths[i], param.shape, unreadable->reason);
      plan_.report.mismatched.back().type = unreadable->type;
      if (!plan_.unreadable) plan_.unreadable = unreadable;
      all_readable = false;
    }
    return all_readable;
  }

  // Whether the parameter whose parts are `paths` is not what is stored under these names.
  bool is_altered(std::span<const std::string> paths) {
    bool altered = false;
    for (const std::string& path : paths) {
      const auto change = changes_->of(path);
      if (!change) continue;
      altered = true;
      plan_.report.altered.push_back({.key = shown_key(path),
                                      .by = shown_key(dict_.tensors[change->by].path()),
                                      .reason = std::string(change->rule->meaning)});
      if (plan_.alteration == nullptr) plan_.alteration = change->rule;
    }
    for (const std::string& path : paths) {
      const auto stored = index_.find(path);
      if (altered && stored) used_[*stored] = true;  // it is accounted for, if not loaded
    }
    return altered;
  }

  bool shapes_fit(const ParamSpec& param, std::span<const std::string> paths, Binding& binding) {
    if (param.key == "backbone.pos_embed") return positions_fit(param, paths[0], binding);
    Shape part = param.shape;
    if (paths.size() > 1) part[0] /= static_cast<Index>(paths.size());
    bool all_fit = true;
    for (std::size_t i = 0; i < paths.size(); ++i) {
      const TensorEntry& tensor = dict_.tensors[binding.tensors[i]];
      if (fits(part, tensor.shape)) continue;
      mismatch(binding.tensors[i], paths[i], part, shape_reason(part, tensor.shape));
      all_fit = false;
    }
    return all_fit;
  }

  static std::string shape_reason(const Shape& wanted, const Shape& found) {
    if (wanted.size() == 2 && found.size() == 2 && wanted[0] == found[1] && wanted[1] == found[0]) {
      return "stored transposed; a transpose cannot be told from a mistake, so it is not guessed";
    }
    return {};
  }

  // The one parameter that may change numerically: `_prepare_pos_embed` in the original.
  bool positions_fit(const ParamSpec& param, const std::string& path, Binding& binding) {
    const std::size_t index = binding.tensors[0];
    const Shape& found = dict_.tensors[index].shape;
    const Index width = param.shape[2];
    const bool is_table = found.size() == 3 && found[0] == 1 && found[2] == width;
    const Index patches = is_table ? found[1] - positions_.file_extra : 0;
    if (!is_table || patches <= 0) {
      mismatch(index, path, param.shape, {});
      return false;
    }
    if (!positions_.source) {
      mismatch(index, path, param.shape,
               fmt::format("{} patches form no square or 4:3 grid; name the grid with `grid` HxW",
                           patches));
      return false;
    }
    if (positions_.source->patches() != patches) {
      mismatch(
          index, path, param.shape,
          fmt::format("a {}x{} grid has {} patches, the file has {}", positions_.source->height,
                      positions_.source->width, positions_.source->patches(), patches));
      return false;
    }
    const bool drop = positions_.file_extra != positions_.model_extra;
    const bool resize = *positions_.source != positions_.target;
    if (!drop && !resize) return true;
    binding.positions = positions_;
    if (drop) count(RuleKind::DropClassPosition);
    if (resize) {
      resized_ = true;
      count(RuleKind::ResizePositions,
            fmt::format("{}x{} to {}x{}", positions_.source->height, positions_.source->width,
                        positions_.target.height, positions_.target.width));
    }
    return true;
  }

  void mismatch(std::size_t tensor, const std::string& path, const Shape& wanted,
                std::string reason) {
    used_[tensor] = true;  // it is accounted for, if not loaded
    plan_.report.mismatched.push_back({.key = shown_key(path),
                                       .expected = wanted,
                                       .found = dict_.tensors[tensor].shape,
                                       .reason = std::move(reason)});
  }

  void note_dtype(DType dtype) {
    if (dtype == DType::F32) return;
    if (dtype == DType::F16 || dtype == DType::BF16) {
      count(RuleKind::Widen, dtype_name(dtype));
    } else {
      rounded_ = true;
      count(RuleKind::Round, dtype_name(dtype));
    }
  }

  void count(RuleKind kind, std::string_view name = {}, std::string_view because = {},
             Index n = 1) {
    auto& rules = plan_.report.rules;
    auto known = std::ranges::find_if(
        rules, [&](const AppliedRule& rule) { return rule.kind == kind && rule.name == name; });
    if (known == rules.end()) known = rules.insert(known, applied_rule(kind, name, because));
    known->count += n;
  }

  // What stands in front of and inside the names, for all bound parameters at once.
  void note_name_rules() {
    const Index bound = plan_.report.bound;
    if (bound == 0) return;
    for (const WrapperRule& wrapper : wrapper_rules()) {
      const Index n = count_wrapped(wrapper.component);
      if (n > 0) count(RuleKind::RemoveWrapper, wrapper.component, wrapper.because, n);
    }
    for (const std::string_view component : path_components(names_.root)) {
      const PrefixRule* rule = find_prefix_rule(component);
      std::string_view because = rule != nullptr ? rule->because : std::string_view(names_.chosen);
      if (component == "backbone") because = names_.scheme->backbone_because;
      if (rule != nullptr && because.empty()) continue;
      count(RuleKind::RemovePrefix, component, because, bound);
    }
    if (!names_.scheme->because.empty()) {
      count(RuleKind::RenameFrom, names_.scheme->name, names_.scheme->because, bound);
    } else if (!names_.has_backbone_prefix() && names_.scheme->backbone_because.empty()) {
      count(RuleKind::AddBackbone, {}, {}, bound);
    }
  }

  Index count_wrapped(std::string_view component) const {
    Index n = 0;
    for (std::size_t i = 0; i < used_.size(); ++i) {
      if (!used_[i]) continue;
      const std::string path = dict_.tensors[i].path();
      const auto components = path_components(path);
      if (std::ranges::find(components, component) != components.end()) ++n;
    }
    return n;
  }

  Verdict verdict() const {
    const Report& report = plan_.report;
    if (plan_.alteration != nullptr) return Verdict::Incomplete;
    if (!plan_.foreign_parts.empty()) return Verdict::Foreign;
    if (plan_.surplus_blocks || !plan_.unknown_part.empty() || report.bound < report.required)
      return Verdict::Incomplete;
    if (resized_ || rounded_) return Verdict::Adapted;
    return report.rules.empty() ? Verdict::Exact : Verdict::Equivalent;
  }

  const StateDict& dict_;
  const NameIndex& index_;
  const EncoderNames& names_;
  const PositionPlan& positions_;
  std::vector<bool> used_;
  std::optional<Changes> changes_;
  bool resized_ = false;
  bool rounded_ = false;
  Plan plan_;
};

}  // namespace

Plan reconcile(const StateDict& dict, const NameIndex& index, const EncoderNames& names,
               std::vector<ParamSpec> params, const PositionPlan& positions) {
  return Reconciler(dict, index, names, positions).run(std::move(params));
}

}  // namespace sapiens

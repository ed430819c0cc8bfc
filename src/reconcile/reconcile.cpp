#include "reconcile/reconcile.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <optional>
#include <utility>

#include "core/shape.hpp"
#include "reconcile/changes.hpp"

namespace sapiens {
namespace {

using Shape = std::vector<Index>;

// What programs call the factors of inputs in 8 bits.
constexpr std::string_view kInputScales[] = {"input_scale", "scale_input", "weight_format"};

bool fits(std::span<const Index> wanted, std::span<const Index> found) noexcept {
  return std::ranges::equal(wanted, found, [](Index w, Index f) { return w == kAny || w == f; });
}

// Names as a user of torch.load sees them, inside the dictionary everybody opens first.
std::string shown(std::string_view path) {
  constexpr std::string_view kStateDict = "state_dict.";
  if (path.starts_with(kStateDict)) path.remove_prefix(kStateDict.size());
  return std::string(path);
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
    find_complete_parts();
    note_name_rules();
    explain_leftovers();
    plan_.report.verdict = verdict();
    return std::move(plan_);
  }

 private:
  Binding bind(const ParamSpec& param) {
    Binding binding;
    const std::vector<std::string> paths = file_paths(names_, param.key);
    if (is_altered(paths)) return {};
    for (const std::string& path : paths) {
      const auto tensor = index_.find(path);
      if (!tensor) {
        // For a split qkv each absent part is named by itself.
        Shape shape = param.shape;
        if (paths.size() > 1) shape[0] /= static_cast<Index>(paths.size());
        plan_.report.missing.push_back({.key = shown(path), .shape = shape});
      } else {
        binding.tensors.push_back(*tensor);
      }
    }
    if (binding.tensors.size() != paths.size() || !readable(param, paths, binding) ||
        !shapes_fit(param, paths, binding)) {
      return {};
    }
    for (const std::string& path : paths) {
      if (index_.is_alias(path)) {
        count(
            "follow a shared name",
            "the file stores a tensor of several names once, and notes the others in its metadata");
      }
    }
    for (const std::size_t tensor : binding.tensors) {
      used_[tensor] = true;
      note_dtype(dict_.tensors[tensor].dtype);
    }
    if (binding.tensors.size() > 1) {
      count("join query, key and value",
            "the file stores them as three matrices, the model as one");
    }
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
                                  shown(dict_.tensors[*scale].path())),
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

  bool is_scale_factor(std::string_view path) const {
    const auto belongs = [&](std::string_view name) {
      if (!path.ends_with(name)) return false;
      const auto module = path.substr(0, path.size() - name.size());
      const auto weight = index_.find(fmt::format("{}weight", module));
      return weight && used_[*weight];
    };
    return plan_.unreadable && (std::ranges::any_of(kWeightScales, belongs) ||
                                std::ranges::any_of(kInputScales, belongs));
  }

  // Whether the parameter whose parts are `paths` is not what is stored under these names.
  bool is_altered(std::span<const std::string> paths) {
    bool altered = false;
    for (const std::string& path : paths) {
      const auto change = changes_->of(path);
      if (!change) continue;
      altered = true;
      plan_.report.altered.push_back({.key = shown(path),
                                      .by = shown(dict_.tensors[change->by].path()),
                                      .reason = std::string(change->rule->meaning)});
      if (plan_.alteration == nullptr) plan_.alteration = change->rule;
    }
    for (const std::string& path : paths) {
      const auto stored = index_.find(path);
      if (altered && stored) used_[*stored] = true;  // it is accounted for, if not loaded
    }
    return altered;
  }

  // Heads and necks of which every parameter is there: what else they have would be computed.
  void find_complete_parts() {
    for (const std::string_view part : {"head.", "decode_head.", "neck."}) {
      bool needed = false, complete = true;
      for (std::size_t i = 0; i < plan_.params.size(); ++i) {
        if (!plan_.params[i].key.starts_with(part)) continue;
        needed = true;
        complete = complete && plan_.bindings[i].bound();
      }
      if (needed && complete) complete_parts_.emplace_back(part);
    }
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
               fmt::format("{} patches form no square or 4:3 grid; name the grid with --grid HxW",
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
    if (drop) {
      count("drop the class token's position",
            "this model has no class token; fine-tuning drops the row too");
    }
    if (resize) {
      resized_ = true;
      count(
          fmt::format("resize pos_embed from {}x{} to {}x{}", positions_.source->height,
                      positions_.source->width, positions_.target.height, positions_.target.width),
          "bicubic, as the original does when the grid differs");
    }
    return true;
  }

  void mismatch(std::size_t tensor, const std::string& path, const Shape& wanted,
                std::string reason) {
    used_[tensor] = true;  // it is accounted for, if not loaded
    plan_.report.mismatched.push_back({.key = shown(path),
                                       .expected = wanted,
                                       .found = dict_.tensors[tensor].shape,
                                       .reason = std::move(reason)});
  }

  void note_dtype(DType dtype) {
    if (dtype == DType::F32) return;
    if (dtype == DType::F16 || dtype == DType::BF16) {
      count(fmt::format("widen {} to f32", dtype_name(dtype)),
            "every such value is also an f32 value");
    } else {
      rounded_ = true;
      count(fmt::format("convert {} to f32", dtype_name(dtype)),
            "the model computes in f32; values are rounded");
    }
  }

  void count(const std::string& rule, const std::string& reason, Index n = 1) {
    auto& rules = plan_.report.rules;
    const auto known = std::ranges::find(rules, rule, &AppliedRule::rule);
    if (known != rules.end()) {
      known->count += n;
    } else {
      rules.push_back({.rule = rule, .reason = reason, .count = n});
    }
  }

  // What stands in front of and inside the names, for all bound parameters at once.
  void note_name_rules() {
    const Index bound = plan_.report.bound;
    if (bound == 0) return;
    for (const WrapperRule& wrapper : wrapper_rules()) {
      const Index n = count_wrapped(wrapper.component);
      if (n > 0) {
        count(fmt::format("remove {}. from names", wrapper.component), std::string(wrapper.because),
              n);
      }
    }
    for (const std::string_view component : path_components(names_.root)) {
      const PrefixRule* rule = find_prefix_rule(component);
      if (rule != nullptr && rule->because.empty()) continue;
      const std::string unknown = names_.chosen.empty()
                                      ? "the names of the model were found nowhere else in the file"
                                      : names_.chosen;
      count(fmt::format("remove prefix {}.", component),
            rule != nullptr ? std::string(rule->because) : unknown, bound);
    }
    if (!names_.scheme->because.empty()) {
      count(fmt::format("rename from {}", names_.scheme->name), std::string(names_.scheme->because),
            bound);
    } else if (!names_.has_backbone_prefix()) {
      count("add prefix backbone.",
            "the file's keys lack it, as in cleaned pretraining files; the original then loads "
            "nothing",
            bound);
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

  void explain_leftovers() {
    std::map<std::string, std::size_t> groups;
    for (std::size_t i = 0; i < used_.size(); ++i) {
      if (used_[i]) continue;
      std::string reason = leftover_reason(i);
      if (const auto& unreadable = dict_.tensors[i].unreadable) {
        reason += fmt::format(" (type {}, which is not read)", unreadable->type);
      }
      const auto [group, is_new] = groups.try_emplace(reason, plan_.report.unused.size());
      if (is_new) plan_.report.unused.push_back({.reason = reason, .keys = {}});
      plan_.report.unused[group->second].keys.push_back(shown(dict_.tensors[i].path()));
    }
  }

  std::string leftover_reason(std::size_t tensor) {
    const std::string_view path = index_.plain_path(tensor);
    if (is_scale_factor(path)) return "the scale factor of a weight that cannot be read";
    if (const AlterationRule* rule = changes_->explains(tensor)) {
      return fmt::format("{}: it changes parameters of the model", rule->meaning);
    }
    for (const OtherNames& other : names_.others) {
      if (other.owns(tensor, path, names_.parent())) return other.because;
    }
    const bool in_blocks = !names_.scheme->block.empty();  // of an encoder
    if (in_blocks && path.starts_with(names_.root)) {
      const std::string_view relative = path.substr(names_.root.size());
      if (relative == "cls_token" || relative == "embeddings.cls_token") {
        return "the class token: this model has none";
      }
      if (relative.starts_with(names_.scheme->block)) return block_leftover(relative);
      for (const ForeignPart& part : foreign_parts()) {
        if (relative.find(part.part) != std::string_view::npos)
          return foreign_leftover(part.meaning);
      }
    }
    const std::string_view parent = names_.parent();
    const std::string_view relative = path.starts_with(parent) ? path.substr(parent.size()) : path;
    for (const std::string& part : complete_parts_) {
      if (relative.starts_with(part) && !is_training_state(relative)) {
        plan_.unknown_part = part == "neck." ? "decoder" : "head";
        return fmt::format("a part of the {} that this program does not compute",
                           plan_.unknown_part);
      }
    }
    for (const LeftoverRule& rule : names_.scheme->leftovers) {
      const bool applies =
          rule.match == LeftoverRule::Match::Prefix   ? relative.starts_with(rule.pattern)
          : rule.match == LeftoverRule::Match::Suffix ? relative.ends_with(rule.pattern)
                                                      : path.find(rule.pattern) != path.npos;
      if (applies) return std::string(rule.because);
    }
    for (const std::string_view component : path_components(relative)) {
      const PrefixRule* prefix = find_prefix_rule(component);
      if (prefix != nullptr && prefix->role != Role::Plain) {
        return fmt::format("a second set of weights under {}. ({})", component, prefix->because);
      }
    }
    return std::string(names_.scheme->unknown_key_reason);
  }

  static bool is_training_state(std::string_view path) {
    return path.ends_with("num_batches_tracked") || path.find("loss") != path.npos;
  }

  // An unknown tensor inside a block means that the block computes something Sapiens does not.
  std::string block_leftover(std::string_view relative) {
    for (const ForeignPart& part : foreign_parts()) {
      if (relative.find(part.part) != std::string_view::npos) return foreign_leftover(part.meaning);
    }
    const auto number_end = relative.find('.', names_.scheme->block.size());
    const std::string_view inside =
        number_end == std::string_view::npos ? std::string_view() : relative.substr(number_end + 1);
    for (const ModuleName& module : names_.scheme->modules) {
      const auto slot = module.file.find("{}.");
      if (slot == std::string_view::npos) continue;
      const std::string_view known = module.file.substr(slot + 3);
      if (inside == fmt::format("{}.weight", known) || inside == fmt::format("{}.bias", known)) {
        surplus_blocks_ = true;
        return "a block beyond the last one of this model";
      }
    }
    return foreign_leftover("a part of a block that Sapiens does not have");
  }

  std::string foreign_leftover(std::string_view meaning) {
    if (std::ranges::find(plan_.foreign_parts, meaning) == plan_.foreign_parts.end()) {
      plan_.foreign_parts.emplace_back(meaning);
    }
    return fmt::format("{}: computing without it would give wrong results", meaning);
  }

  Verdict verdict() const {
    const Report& report = plan_.report;
    if (plan_.alteration != nullptr) return Verdict::Incomplete;
    if (!plan_.foreign_parts.empty()) return Verdict::Foreign;
    if (surplus_blocks_ || !plan_.unknown_part.empty() || report.bound < report.required)
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
  std::vector<std::string> complete_parts_;
  bool surplus_blocks_ = false;
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

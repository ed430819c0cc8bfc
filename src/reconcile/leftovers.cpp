#include "reconcile/leftovers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "reconcile/reasons.hpp"

namespace sapiens {
namespace {

constexpr std::string_view kNeck = "neck.";

// What programs call the factors of inputs in 8 bits.
constexpr std::string_view kInputScales[] = {"input_scale", "scale_input", "weight_format"};

bool matches(const ForeignPart& part, std::string_view name, bool in_block) {
  switch (part.place) {
    case ForeignPart::Place::Block:
      return in_block && name.find(part.part) != name.npos;
    case ForeignPart::Place::Front:
      return name.starts_with(part.part);
    case ForeignPart::Place::Complete:
      return name == part.part;
    case ForeignPart::Place::Anywhere:
      break;
  }
  return name.find(part.part) != name.npos;
}

// `relative` and `path` are the same name from the encoder, or from its parent, and from the start.
bool matches(const LeftoverRule& rule, std::string_view relative, std::string_view path) {
  switch (rule.match) {
    case LeftoverRule::Match::Prefix:
      return relative.starts_with(rule.pattern);
    case LeftoverRule::Match::Suffix:
      return relative.ends_with(rule.pattern);
    case LeftoverRule::Match::Anywhere:
      break;
  }
  return path.find(rule.pattern) != path.npos;
}

constexpr ForeignPart kOtherLayout{.part = "another layout",
                                   .meaning = "a name of the family's other layout",
                                   .origin = ForeignPart::Origin::OtherLayout};

// Whether `name`, with `{}` for the block's number, can be a parameter's in `scheme`.
bool has_parameter(const NameScheme& scheme, std::string_view name) {
  return std::ranges::any_of(scheme.modules, [&](const ModuleName& module) {
    if (!name.starts_with(module.file)) return false;
    const std::string_view rest = name.substr(module.file.size());
    const bool in_block = module.file.find("{}.") != module.file.npos;
    if (rest.empty()) return !in_block || module.canonical.ends_with(".weight");
    return !module.canonical.ends_with(".weight") && (rest == ".weight" || rest == ".bias");
  });
}

class Leftovers {
 public:
  Leftovers(const StateDict& dict, const NameIndex& index, const EncoderNames& names,
            const Changes& changes, const std::vector<bool>& used, Plan& plan)
      : dict_(dict), index_(index), names_(names), changes_(changes), used_(used), plan_(plan) {}

  void run() {
    find_complete_parts();
    std::map<Leftover, std::size_t> groups;
    for (std::size_t i = 0; i < used_.size(); ++i) {
      if (used_[i]) continue;
      Leftover leftover = why(i);
      if (const auto& unreadable = dict_.tensors[i].unreadable) leftover.type = unreadable->type;
      auto& unused = plan_.report.unused;
      const auto [group, is_new] = groups.try_emplace(std::move(leftover), unused.size());
      if (is_new) unused.push_back({.reason = leftover_text(group->first), .keys = {}});
      unused[group->second].keys.push_back(shown_key(dict_.tensors[i].path()));
    }
  }

 private:
  // Heads and necks of which every parameter is there: what else they have would be computed.
  void find_complete_parts() {
    for (const std::string_view part :
         {std::string_view("head."), std::string_view("decode_head."), kNeck}) {
      bool needed = false, complete = true;
      for (std::size_t i = 0; i < plan_.params.size(); ++i) {
        if (!plan_.params[i].key.starts_with(part)) continue;
        needed = true;
        complete = complete && plan_.bindings[i].bound();
      }
      if (needed && complete) complete_parts_.push_back(part);
    }
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

  Leftover why(std::size_t tensor) {
    const std::string_view path = index_.plain_path(tensor);
    if (is_scale_factor(path)) return {LeftoverKind::ScaleFactor};
    if (const AlterationRule* rule = changes_.explains(tensor)) {
      return {LeftoverKind::Alteration, std::string(rule->meaning)};
    }
    for (const OtherNames& other : names_.others) {
      if (other.owns(tensor, path, names_.parent()))
        return {LeftoverKind::OtherModel, other.because};
    }
    const bool of_encoder = !names_.scheme->block.empty();
    if (of_encoder && path.starts_with(names_.root)) {
      const std::string_view relative = path.substr(names_.root.size());
      const bool in_block = relative.starts_with(names_.scheme->block);
      if (const ForeignPart* part = find_foreign_part(relative, in_block)) return foreign(*part);
      for (const LeftoverRule& rule : names_.scheme->harmless) {
        if (matches(rule, relative, relative)) return {rule.kind};
      }
      if (relative == "cls_token" || relative == "embeddings.cls_token") {
        return {LeftoverKind::ClassToken};
      }
      const std::string name = in_block ? without_number(relative) : std::string(relative);
      if (is_name_of_other_layout(name)) return foreign(kOtherLayout);
      if (in_block) return block_leftover(name);
    }
    const std::string_view parent = names_.parent();
    const std::string_view relative = path.starts_with(parent) ? path.substr(parent.size()) : path;
    for (const std::string_view part : complete_parts_) {
      if (relative.starts_with(part) && !is_training_state(relative)) {
        plan_.unknown_part = part == kNeck ? "decoder" : "head";
        return {LeftoverKind::UnknownPart, plan_.unknown_part};
      }
    }
    for (const auto rules : {names_.scheme->leftovers, training_leftovers()}) {
      for (const LeftoverRule& rule : rules) {
        if (matches(rule, relative, path)) return {rule.kind};
      }
    }
    for (const std::string_view component : path_components(relative)) {
      const PrefixRule* prefix = find_prefix_rule(component);
      if (prefix != nullptr && prefix->role != Role::Plain) {
        return {LeftoverKind::SecondSet, std::string(component)};
      }
    }
    return {names_.scheme->unknown_key};
  }

  static bool is_training_state(std::string_view path) {
    return path.ends_with("num_batches_tracked") || path.find("loss") != path.npos;
  }

  const ForeignPart* find_foreign_part(std::string_view relative, bool in_block) const {
    const auto& parts = names_.scheme->foreign;
    const auto found = std::ranges::find_if(
        parts, [&](const ForeignPart& part) { return matches(part, relative, in_block); });
    return found == parts.end() ? nullptr : &*found;
  }

  // "blocks.3.ln1.weight" as "blocks.{}.ln1.weight", as schemes have it.
  std::string without_number(std::string_view relative) const {
    const std::size_t start = names_.scheme->block.size();
    const std::size_t end = relative.find('.', start);
    if (end == relative.npos) return std::string(relative);
    return fmt::format("{}{{}}{}", relative.substr(0, start), relative.substr(end));
  }

  // A name that the family has in another layout: of two tensors for one parameter, neither is the
  // right one. Layouts whose blocks are called otherwise are found as encoders of their own.
  bool is_name_of_other_layout(std::string_view name) const {
    const NameScheme& own = *names_.scheme;
    return !has_parameter(own, name) && std::ranges::any_of(name_schemes(), [&](const auto& other) {
      return other.family == own.family && other.block == own.block && has_parameter(other, name);
    });
  }

  // An unknown tensor inside a block means that the block computes something that the family does
  // not.
  Leftover block_leftover(std::string_view name) {
    if (has_parameter(*names_.scheme, name)) {
      plan_.surplus_blocks = true;
      return {LeftoverKind::SurplusBlock};
    }
    const bool sapiens2 = names_.scheme->family == Family::Sapiens2;
    return foreign({.part = "",
                    .meaning = sapiens2 ? "a part of a block that Sapiens2 does not have"
                                        : "a part of a block that Sapiens does not have"});
  }

  Leftover foreign(const ForeignPart& part) {
    if (std::ranges::find(plan_.foreign_parts, part.part, &ForeignPart::part) ==
        plan_.foreign_parts.end()) {
      plan_.foreign_parts.push_back(part);
    }
    return {LeftoverKind::ForeignPart, std::string(part.meaning)};
  }

  const StateDict& dict_;
  const NameIndex& index_;
  const EncoderNames& names_;
  const Changes& changes_;
  const std::vector<bool>& used_;
  Plan& plan_;
  std::vector<std::string_view> complete_parts_;
};

}  // namespace

void explain_leftovers(const StateDict& dict, const NameIndex& index, const EncoderNames& names,
                       const Changes& changes, const std::vector<bool>& used, Plan& plan) {
  Leftovers(dict, index, names, changes, used, plan).run();
}

}  // namespace sapiens

#include "engine/choose_model.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "engine/problems.hpp"
#include "sapiens/error.hpp"

namespace sapiens {
namespace {

constexpr std::string_view kStateDict = "state_dict.";

std::string_view without_state_dict(std::string_view root) {
  if (root.starts_with(kStateDict)) root.remove_prefix(kStateDict.size());
  return root;
}

// "state_dict.net." and "net" both become "net."; "." becomes "".
std::string as_root(std::string_view prefix) {
  std::string root = without_wrappers(prefix);
  while (root.ends_with('.')) root.pop_back();
  return root.empty() ? root : root + '.';
}

// How well `prefix` names `names`: as a whole, with "backbone." or "state_dict." left out, or by
// some components in the middle; 0 for not at all.
int grade(std::string_view prefix, const EncoderNames& names) {
  const std::string wanted = as_root(prefix);
  const std::string& root = names.root;
  if (wanted == root) return 5;
  if (wanted == without_state_dict(root)) return 4;
  if (wanted == names.parent()) return 3;
  if (wanted == without_state_dict(names.parent())) return 2;
  if (wanted.empty()) return 0;
  return ('.' + root).find('.' + wanted) != std::string::npos ? 1 : 0;
}

bool same_tensors(const StateDict& dict, const Plan& a, const Plan& b) {
  if (a.bindings.size() != b.bindings.size()) return false;
  for (std::size_t i = 0; i < a.bindings.size(); ++i) {
    const auto& mine = a.bindings[i].tensors;
    const auto& yours = b.bindings[i].tensors;
    if (a.params[i].key != b.params[i].key || mine.size() != yours.size()) return false;
    for (std::size_t t = 0; t < mine.size(); ++t) {
      if (!same_values(dict.tensors[mine[t]], dict.tensors[yours[t]])) return false;
    }
  }
  return true;
}

class Chooser {
 public:
  Chooser(const StateDict& dict, std::span<const Contender> all) : dict_(dict), all_(all) {
    for (const Contender& contender : all_) choice_.found.push_back(contender.found);
    pool_.resize(all_.size());
    for (std::size_t i = 0; i < pool_.size(); ++i) pool_[i] = i;
  }

  Choice run(std::string_view prefix) {
    if (!prefix.empty()) keep_named(prefix);
    keep_complete();
    keep_preferred();
    merge_copies();
    if (pool_.size() == 1) {
      take(pool_.front());
    } else {
      choice_.rivals = pool_;
    }
    return std::move(choice_);
  }

 private:
  template <typename Keep>
  void keep(Keep good) {
    std::vector<std::size_t> kept;
    std::ranges::copy_if(pool_, std::back_inserter(kept), good);
    pool_ = std::move(kept);
  }

  void leave(std::size_t model, std::string reason) {
    choice_.found[model].reason = std::move(reason);
  }

  void keep_named(std::string_view prefix) {
    int best = 1;
    for (const std::size_t i : pool_) best = std::max(best, grade(prefix, *all_[i].names));
    keep([&](std::size_t i) {
      const bool named = grade(prefix, *all_[i].names) == best;
      if (!named) leave(i, fmt::format("`prefix` {} names another", prefix));
      return named;
    });
    if (pool_.size() < all_.size()) because_ = fmt::format("`prefix` {} names it", prefix);
  }

  // Where none is complete: those of which about as much is there, foreign ones last.
  void keep_complete() {
    const auto worth = [&](std::size_t i) {
      const FoundModel& found = all_[i].found;
      return found.verdict == Verdict::Foreign ? Index{0} : found.bound;
    };
    const bool complete =
        std::ranges::any_of(pool_, [&](std::size_t i) { return is_usable(all_[i].found.verdict); });
    Index most = 0;
    for (const std::size_t i : pool_) most = std::max(most, worth(i));
    if (!complete && most == 0) return keep_most_alike();
    const std::size_t before = pool_.size();
    keep([&](std::size_t i) {
      const FoundModel& found = all_[i].found;
      const bool good = complete ? is_usable(found.verdict) : 2 * worth(i) >= most;
      if (good) return true;
      leave(i, found.verdict == Verdict::Foreign
                   ? fmt::format("another network: it has {}",
                                 all_[i].plan->foreign_parts.front().meaning)
               : complete ? "not every parameter is there and fits"
                          : "less complete than another");
      return false;
    });
    if (pool_.size() < before && because_.empty()) {
      because_ = complete ? "of no other model every parameter is there and fits"
                          : "the most complete model of the file";
    }
  }

  // None is a model of ours: whichever looks most like one is what the report is about.
  void keep_most_alike() {
    const auto bound = [&](std::size_t i) { return all_[i].found.bound; };
    const auto best = std::ranges::max_element(pool_, {}, bound);
    if (best != pool_.end()) pool_ = {*best};
  }

  void keep_preferred() {
    const std::vector<std::size_t> rivals = pool_;
    keep([&](std::size_t i) {
      for (const std::size_t other : rivals) {
        const EncoderNames &mine = *all_[i].names, &others = *all_[other].names;
        const RoleRule* rule = find_role_rule(others.role(), mine.role());
        if (rule == nullptr || mine.undescribed() != others.undescribed()) continue;
        because_ = std::string(rule->because);
        leave(i, fmt::format("{} is taken: {}", choice_.found[other].prefix, rule->because));
        return false;
      }
      return true;
    });
  }

  void merge_copies() {
    std::vector<std::size_t> different;
    for (const std::size_t i : pool_) {
      const auto original = std::ranges::find_if(different, [&](std::size_t first) {
        return is_usable(all_[i].found.verdict) &&
               same_tensors(dict_, *all_[first].plan, *all_[i].plan);
      });
      if (original == different.end()) {
        different.push_back(i);
        continue;
      }
      leave(i, fmt::format("the same tensors as {}, stored once", choice_.found[*original].prefix));
      because_ = "the others are the same tensors, stored once";
    }
    pool_ = std::move(different);
  }

  void take(std::size_t model) {
    choice_.taken = model;
    choice_.because = all_.size() > 1 ? because_ : "";
    choice_.found[model].taken = true;
    choice_.found[model].reason = choice_.because;
  }

  const StateDict& dict_;
  std::span<const Contender> all_;
  std::vector<std::size_t> pool_;
  std::string because_;
  Choice choice_;
};

}  // namespace

Choice choose_model(const StateDict& dict, std::span<const Contender> contenders,
                    std::string_view prefix) {
  return Chooser(dict, contenders).run(prefix);
}

bool is_named(std::string_view prefix, const EncoderNames& names) {
  return prefix.empty() || grade(prefix, names) > 0;
}

std::vector<std::string> prefix_names(std::span<const std::string> roots) {
  std::vector<std::string> names;
  for (const std::string& root : roots) {
    std::string_view name = without_state_dict(root);
    const auto alike = std::ranges::count_if(
        roots, [&](const std::string& other) { return without_state_dict(other) == name; });
    if (alike > 1 || name.empty()) name = root;
    if (name.ends_with('.')) name.remove_suffix(1);
    names.emplace_back(name.empty() ? "." : name);
  }
  return names;
}

std::string describe_found(const FoundModel& model) {
  std::string text =
      fmt::format("{}  {} of {} parameters", printable(model.prefix), model.bound, model.required);
  if (model.width > 0) text += fmt::format(", width {}", model.width);
  if (model.depth > 0) text += fmt::format(", {} blocks", model.depth);
  if (model.family == "sapiens2") text += ", Sapiens2";
  if (model.family == "rtmdet") text += ", a person detector";
  return text;
}

void refuse_prefix(const StateDict& dict, std::string_view prefix,
                   std::span<const FoundModel> found) {
  std::string list;
  for (const FoundModel& model : found) {
    if (!list.empty()) list += "; ";
    list += describe_found(model);
  }
  throw Error(ErrorCode::InvalidArgument,
              {.summary = "no model of this file has that prefix",
               .file = dict.path,
               .option = "prefix",
               .expected = list,
               .actual = printable(prefix),
               .hint = found.size() == 1 ? "leave it out: the file holds one model" : ""});
}

}  // namespace sapiens

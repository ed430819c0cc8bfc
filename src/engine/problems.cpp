#include "engine/problems.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <iterator>
#include <map>
#include <span>
#include <tuple>

#include "core/shape.hpp"
#include "reconcile/names.hpp"

namespace sapiens {
namespace {

// In the order of ProblemKind.
constexpr std::string_view kLabels[] = {"missing", "not readable", "wrong shape", "altered"};

bool is_number(std::string_view text) {
  return !text.empty() &&
         std::ranges::all_of(text, [](unsigned char c) { return std::isdigit(c) != 0; });
}

// "layers.17.ln1.weight" -> "layers.*.ln1.weight"
std::string without_block_number(std::string_view key) {
  std::string pattern;
  bool replaced = false;
  for (const std::string_view component : path_components(key)) {
    if (!pattern.empty()) pattern += '.';
    const bool replace = !replaced && is_number(component);
    pattern += replace ? "*" : component;
    replaced = replaced || replace;
  }
  return pattern;
}

class Grouper {
 public:
  void add(const Problem& problem) { add(problem, problem.facts); }
  /// `shared_facts` are those of a group of several blocks.
  void add(Problem problem, const std::string& shared_facts) {
    const auto place = std::tuple(problem.kind, without_block_number(problem.key), shared_facts);
    const auto [group, is_new] = groups_.try_emplace(place, problems_.size());
    if (is_new) {
      problems_.push_back(std::move(problem));
    } else {
      problems_[group->second].key = std::get<1>(place);
      problems_[group->second].facts = shared_facts;
      ++problems_[group->second].count;
    }
  }
  std::vector<Problem> take() { return std::move(problems_); }

 private:
  std::map<std::tuple<ProblemKind, std::string, std::string>, std::size_t> groups_;
  std::vector<Problem> problems_;
};

// Problems of one kind: the first few, and how many parameters the others concern.
std::string lines_of(std::span<const Problem> problems) {
  constexpr std::size_t kShown = 6;
  std::string text;
  for (const Problem& problem : problems.first(std::min(problems.size(), kShown))) {
    fmt::format_to(std::back_inserter(text), "\n  {:<13} {}  {}",
                   kLabels[static_cast<std::size_t>(problem.kind)], printable(problem.key),
                   printable(problem.facts));
    if (problem.count > 1) fmt::format_to(std::back_inserter(text), "  ({} blocks)", problem.count);
    if (!problem.reason.empty()) {
      fmt::format_to(std::back_inserter(text), "\n  {:13} {}", "", printable(problem.reason));
    }
  }
  Index left_out = 0;
  for (const Problem& problem : problems.subspan(std::min(problems.size(), kShown))) {
    left_out += problem.count;
  }
  if (left_out > 0) {
    fmt::format_to(std::back_inserter(text), "\n  {:13} and {}", "",
                   counted(left_out, "more parameter"));
  }
  return text;
}

}  // namespace

std::vector<Problem> group_problems(const Report& report) {
  Grouper grouper;
  for (const MissingParameter& missing : report.missing) {
    grouper.add(
        {.kind = ProblemKind::Missing, .key = missing.key, .facts = shape_text(missing.shape)});
  }
  for (const MismatchedParameter& mismatch : report.mismatched) {
    if (mismatch.type.empty()) continue;
    grouper.add({.kind = ProblemKind::NotReadable,
                 .key = mismatch.key,
                 .facts = fmt::format("{} {}", mismatch.type, shape_text(mismatch.found)),
                 .reason = mismatch.reason});
  }
  for (const MismatchedParameter& mismatch : report.mismatched) {
    if (!mismatch.type.empty()) continue;
    grouper.add({.kind = ProblemKind::WrongShape,
                 .key = mismatch.key,
                 .facts = fmt::format("file {}, model {}", shape_text(mismatch.found),
                                      shape_text(mismatch.expected)),
                 .reason = mismatch.reason});
  }
  for (const AlteredParameter& altered : report.altered) {
    const auto facts = [&](const std::string& by) {
      return altered.by == altered.key ? altered.reason
                                       : fmt::format("by {}: {}", printable(by), altered.reason);
    };
    grouper.add({.kind = ProblemKind::Altered, .key = altered.key, .facts = facts(altered.by)},
                facts(without_block_number(altered.by)));
  }
  return grouper.take();
}

std::string problem_lines(const Report& report) {
  const std::vector<Problem> problems = group_problems(report);
  std::string lines;
  for (auto first = problems.begin(); first != problems.end();) {  // they lie kind by kind
    const auto last = std::find_if(
        first, problems.end(), [&](const Problem& problem) { return problem.kind != first->kind; });
    lines += lines_of({first, last});
    first = last;
  }
  return lines;
}

std::string counted(Index count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

std::string readable_bytes(std::uint64_t bytes) {
  constexpr double kKilo = 1e3, kMega = 1e6, kGiga = 1e9;
  const auto value = static_cast<double>(bytes);
  if (value >= kGiga) return fmt::format("{:.2f} GB", value / kGiga);
  if (value >= kMega) return fmt::format("{:.1f} MB", value / kMega);
  return fmt::format("{:.1f} kB", value / kKilo);
}

}  // namespace sapiens

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <iterator>
#include <string>
#include <string_view>

#include "engine/describe.hpp"
#include "engine/problems.hpp"
#include "engine/several_models.hpp"
#include "model/config.hpp"
#include "sapiens/report.hpp"

namespace sapiens {
namespace {

std::string grouped_digits(Index value) {
  std::string digits = std::to_string(value);
  for (auto at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > 0; at -= 3) {
    digits.insert(static_cast<std::size_t>(at), ",");
  }
  return digits;
}

// 1024x64x64, as people say shapes of features.
std::string by(const std::vector<Index>& shape) { return fmt::format("{}", fmt::join(shape, "x")); }

// "3081 = 1 class token + 8 registers + 64x48 patches"
std::string tokens_text(const ModelInfo& model) {
  const Index tokens = (model.cls_token ? 1 : 0) + model.registers + model.grid.patches();
  std::string text = fmt::format("{} = ", tokens);
  if (model.cls_token) text += "1 class token + ";
  if (model.registers > 0) text += counted(model.registers, "register") + " + ";
  return text + fmt::format("{}x{} patches", model.grid.height, model.grid.width);
}

std::string heads_of_sapiens2(const ModelInfo& model) {
  if (model.kv_heads == model.heads) return fmt::format("{} heads", model.heads);
  return fmt::format("{} heads ({} of keys and values in some blocks)", model.heads,
                     model.kv_heads);
}

// Collects the lines of the text.
class TextWriter {
 public:
  TextWriter(const Inspection& inspection, const TextStyle& style)
      : all_(inspection), style_(style) {}

  std::string run() {
    header();
    line("");
    uses();
    candidates();
    rules();
    problems();
    unused();
    for (const std::string& note : all_.report.notes) line("  note          {}", shown(note));
    original_behaviour();
    if (!is_usable(all_.report.verdict)) {
      line("");
      if (!all_.report.explanation.empty()) line("{}", shown(all_.report.explanation));
      if (!all_.report.hint.empty()) line("Next: {}", shown(all_.report.hint));
    }
    return std::move(text_);
  }

 private:
  template <typename... Args>
  void line(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(text_), format, std::forward<Args>(args)...);
    text_ += '\n';
  }

  std::string verdict(Verdict v) const {
    std::string name(verdict_name(v));
    std::ranges::transform(name, name.begin(),
                           [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    name.resize(std::max<std::size_t>(name.size(), 12), ' ');
    if (!style_.colour) return name;
    const char* code = v == Verdict::Exact || v == Verdict::Equivalent ? "32"
                       : v == Verdict::Adapted                         ? "33"
                                                                       : "31";
    return fmt::format("\033[1;{}m{}\033[0m", code, name);
  }

  void header() {
    const FileInfo& file = all_.file;
    line("{} · {} · {} · {} values · {} · {}", printable(file.path), file.format,
         counted(file.tensors, "tensor"), grouped_digits(file.values),
         file.dtypes.empty() ? "no dtype" : printable(file.dtypes), readable_bytes(file.bytes));
    const ModelInfo& model = all_.model;
    if (model.width == 0) return;
    if (model.family == "rtmdet") {
      line("{}: width {}, input 640x640, {} parameters", describe_model(model), model.width,
           grouped_digits(model.parameters));
      return;
    }
    if (model.family == "sapiens2") {
      line("{}: width {}, {} blocks, {}, class token, {}, input {}x{}, {} parameters",
           describe_model(model), model.width, model.depth, heads_of_sapiens2(model),
           counted(model.registers, "register"), model.grid.height * kPatch,
           model.grid.width * kPatch, grouped_digits(model.parameters));
      return;
    }
    std::string heads = model.heads > 0 ? fmt::format("{} heads", model.heads) : "heads unknown";
    const std::string grid = model.grid.patches() > 0
                                 ? fmt::format("{}x{}", model.grid.height, model.grid.width)
                                 : "unknown";
    line("{}: width {}, {} blocks, {}, {}, {} positions, patch padding {}, {} parameters",
         describe_model(model), model.width, model.depth, heads,
         model.cls_token ? "class token" : "no class token", grid, model.patch_padding,
         grouped_digits(model.parameters));
  }

  void uses() {
    if (all_.uses.empty()) {
      line("  {:<13} {} {}", use_name(Use::Features), verdict(all_.report.verdict),
           "no encoder in this file");
      return;
    }
    for (std::size_t first = 0; first < all_.uses.size();) {
      std::size_t last = first + 1;
      std::string names(use_name(all_.uses[first].use));
      while (first > 0 && last < all_.uses.size() &&
             same_story(all_.uses[first], all_.uses[last])) {
        names += fmt::format(", {}", use_name(all_.uses[last++].use));
      }
      use(names, all_.uses[first]);
      if (first == 0 && is_usable(all_.uses[first].verdict)) output_shapes();
      first = last;
    }
  }

  static bool same_story(const UseVerdict& a, const UseVerdict& b) {
    return a.verdict == b.verdict && a.reason == b.reason;
  }

  void use(const std::string& names, const UseVerdict& use) {
    constexpr std::size_t kColumn = 13;
    std::string first_column = names;
    if (names.size() > kColumn) {
      line("  {}", names);
      first_column.clear();
    }
    const std::string count =
        use.required > 0 ? fmt::format("{} of {} parameters; ", use.bound, use.required) : "";
    line("  {:<13} {} {}{}", first_column, verdict(use.verdict), count, shown(use.reason));
  }

  void output_shapes() {
    const OutputShapes& shapes = all_.outputs;
    if (shapes.featmap.empty()) return;
    std::string text = fmt::format("featmap {} · raw {} ({})", by(shapes.featmap), by(shapes.raw),
                                   tokens_text(all_.model));
    if (!shapes.cls_token.empty()) text += fmt::format(" · cls_token {}", by(shapes.cls_token));
    if (!shapes.registers.empty()) text += fmt::format(" · registers {}", by(shapes.registers));
    text += fmt::format(" · avg_featmap {}", by(shapes.avg_featmap));
    line("  {:26} {}", "", text);
  }

  void candidates() {
    if (all_.report.verdict != Verdict::Ambiguous) return;  // the notes list the others
    const std::string lines = shown_lines(candidate_lines(all_.report));
    line("{}", std::string_view(lines).substr(1));
  }

  void rules() {
    for (const AppliedRule& rule : all_.report.rules) {
      line("  rule          {} ({}): {}", printable(rule.rule), counted(rule.count, "parameter"),
           shown(rule.reason));
    }
  }

  void problems() {
    const std::string lines = shown_lines(problem_lines(all_.report));
    if (!lines.empty()) line("{}", std::string_view(lines).substr(1));
  }

  void unused() {
    for (const UnusedTensors& group : all_.report.unused) {
      line("  unused        {} ({}{}): {}",
           counted(static_cast<Index>(group.keys.size()), "tensor"), printable(group.keys.front()),
           group.keys.size() > 1 ? ", ..." : "", shown(group.reason));
    }
  }

  // The question most readers come with.
  void original_behaviour() {
    if (!all_.original_loads_nothing()) return;
    line("");
    line(
        "The original feature demo loads none of these weights and only warns that \"the model "
        "and");
    line("loaded state dict do not match exactly\". A copy that loads there:");
    line("  {}", style_.conversion.empty() ? "`convert_checkpoint` with `layout` mmengine"
                                           : style_.conversion);
  }

  std::string shown(std::string_view text) const {
    return printable(with_option_names(text, style_.option_name));
  }
  // `text` is printable already, and has several lines.
  std::string shown_lines(std::string_view text) const {
    return with_option_names(text, style_.option_name);
  }

  const Inspection& all_;
  const TextStyle& style_;
  std::string text_;
};

}  // namespace

std::string_view verdict_name(Verdict verdict) noexcept {
  switch (verdict) {
    case Verdict::Exact:
      return "exact";
    case Verdict::Equivalent:
      return "equivalent";
    case Verdict::Adapted:
      return "adapted";
    case Verdict::Incomplete:
      return "incomplete";
    case Verdict::Foreign:
      return "foreign";
    case Verdict::Ambiguous:
      return "ambiguous";
  }
  return "";
}

// It looks for `backbone.` and the model's own names, behind one `module.` at most.
bool Inspection::original_loads_nothing() const {
  if (model.family != "sapiens" || !is_usable(report.verdict)) return false;
  return std::ranges::any_of(report.rules, [all = report.bound](const AppliedRule& rule) {
    switch (rule.kind) {
      case RuleKind::AddBackbone:
      case RuleKind::RenameFrom:
        return true;
      case RuleKind::RemovePrefix:
        return rule.name == "module" ? rule.count > all : rule.count >= all;
      case RuleKind::RemoveWrapper:
        return rule.count >= all;
      default:
        return false;
    }
  });
}

std::string Inspection::text(const TextStyle& style) const {
  return TextWriter(*this, style).run();
}

}  // namespace sapiens

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <iterator>
#include <string>
#include <string_view>

#include "engine/explain.hpp"
#include "engine/problems.hpp"
#include "engine/several_models.hpp"
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

// `text` as one word of a command that may be copied into a shell.
std::string shell_word(const std::string& text) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./+:@%,-=";
  if (text.find_first_not_of(kPlain) == std::string::npos) return text;
  std::string quoted = "'";
  if (printable(text) != text) {  // the quotes of bash and others that read what is spelled out
    for (const char c : text)
      quoted += c == '\'' || c == '\\' ? std::string{'\\', c} : std::string(1, c);
    return "$" + printable(quoted) + "'";
  }
  for (const char c : text) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

// Collects the lines of the text.
class TextWriter {
 public:
  TextWriter(const Inspection& inspection, bool colour) : all_(inspection), colour_(colour) {}

  std::string run() {
    header();
    line("");
    uses();
    candidates();
    rules();
    problems();
    unused();
    for (const std::string& note : all_.report.notes) line("  note          {}", printable(note));
    original_behaviour();
    if (!is_usable(all_.report.verdict)) {
      line("");
      if (!all_.report.explanation.empty()) line("{}", printable(all_.report.explanation));
      if (!all_.report.hint.empty()) line("Next: {}", printable(all_.report.hint));
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
    if (!colour_) return name;
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
    std::string heads = model.heads > 0 ? fmt::format("{} heads", model.heads) : "heads unknown";
    const std::string grid = model.grid.patches() > 0
                                 ? fmt::format("{}x{}", model.grid.height, model.grid.width)
                                 : "unknown";
    line("{}: width {}, {} blocks, {}, {}, {} positions, patch padding {}, {} parameters",
         describe_model(model), model.width, model.depth, heads,
         model.cls_token ? "cls token" : "no cls token", grid, model.patch_padding,
         grouped_digits(model.parameters));
  }

  void uses() {
    if (all_.uses.empty()) {
      line("  {:<13} {} {}", "features", verdict(all_.report.verdict), "no encoder in this file");
      return;
    }
    for (std::size_t first = 0; first < all_.uses.size();) {
      std::size_t last = first + 1;
      std::string names = all_.uses[first].use;
      while (last < all_.uses.size() && same_story(all_.uses[first], all_.uses[last])) {
        names += ", " + all_.uses[last++].use;
      }
      use(names, all_.uses[first]);
      first = last;
    }
  }

  static bool same_story(const UseVerdict& a, const UseVerdict& b) {
    return a.verdict == b.verdict && a.reason == b.reason && a.use != "features";
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
    line("  {:<13} {} {}{}", first_column, verdict(use.verdict), count, printable(use.reason));
    if (use.use == "features" && is_usable(use.verdict)) output_shapes();
  }

  void output_shapes() {
    const OutputShapes& shapes = all_.outputs;
    if (shapes.featmap.empty()) return;
    std::string text = fmt::format("featmap {}", by(shapes.featmap));
    const std::string grid =
        fmt::format("{}x{} patches", all_.model.grid.height, all_.model.grid.width);
    if (shapes.cls_token.empty()) {
      text += fmt::format(" · raw {} ({}, no cls token) · avg_featmap {}", by(shapes.raw), grid,
                          by(shapes.avg_featmap));
    } else {
      text += fmt::format(" · raw {} (1 cls token + {}) · cls_token {} · avg_featmap {}",
                          by(shapes.raw), grid, by(shapes.cls_token), by(shapes.avg_featmap));
    }
    line("  {:26} {}", "", text);
  }

  void candidates() {
    if (all_.report.verdict != Verdict::Ambiguous) return;  // else the notes tell of the others
    const std::string lines = candidate_lines(all_.report);
    line("{}", std::string_view(lines).substr(1));
  }

  void rules() {
    for (const AppliedRule& rule : all_.report.rules) {
      line("  rule          {} ({}): {}", printable(rule.rule), counted(rule.count, "parameter"),
           printable(rule.reason));
    }
  }

  void problems() {
    const std::string lines = problem_lines(all_.report);
    if (!lines.empty()) line("{}", std::string_view(lines).substr(1));
  }

  void unused() {
    for (const UnusedTensors& group : all_.report.unused) {
      line("  unused        {} ({}{}): {}",
           counted(static_cast<Index>(group.keys.size()), "tensor"), printable(group.keys.front()),
           group.keys.size() > 1 ? ", ..." : "", printable(group.reason));
    }
  }

  // The original looks for `backbone.` and the model's own names, behind one `module.` at most.
  bool original_finds_nothing() const {
    const Index all = all_.report.bound;
    return std::ranges::any_of(all_.report.rules, [all](const AppliedRule& rule) {
      const std::string_view name = rule.rule;
      if (name == "remove prefix module.") return rule.count > all;  // more than once
      return name == "add prefix backbone." || name.starts_with("rename from ") ||
             (name.starts_with("remove ") && rule.count >= all);
    });
  }

  // What the command above needs where the file has several models.
  std::string prefix_option() const {
    const auto& models = all_.report.candidates;
    const auto taken = std::ranges::find(models, true, &FoundModel::taken);
    if (models.size() < 2 || taken == models.end()) return "";
    return " --prefix " + shell_word(printable(taken->prefix));
  }

  // The question most readers come with.
  void original_behaviour() {
    const bool encoder = all_.model.family == "sapiens" && is_usable(all_.report.verdict);
    if (!encoder || !original_finds_nothing()) return;
    line("");
    line(
        "The original feature demo loads none of these weights and only warns that \"the model "
        "and");
    line("loaded state dict do not match exactly\". A copy that loads there:");
    line("  sapiens convert {} fixed.pth --layout mmengine{}", shell_word(all_.file.path),
         prefix_option());
  }

  const Inspection& all_;
  bool colour_;
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

std::string Inspection::text(bool colour) const { return TextWriter(*this, colour).run(); }

}  // namespace sapiens

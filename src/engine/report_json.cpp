#include <algorithm>

#include "engine/json_text.hpp"
#include "sapiens/printable.hpp"
#include "sapiens/report.hpp"

namespace sapiens {
namespace {

constexpr std::size_t kExamples = 5;

class ReportWriter {
 public:
  explicit ReportWriter(OptionName option_name) : option_name_(option_name) {}

  std::string write(const Inspection& inspection) {
    json_.object([&] {
      object("file", [&] { write_file(inspection.file); });
      object("model", [&] { write_model(inspection.model); });
      object("report", [&] { write_report(inspection.report); });
      each("uses", inspection.uses, [&](const UseVerdict& use) {
        text("use", use_name(use.use));
        text("verdict", verdict_name(use.verdict));
        number("required", use.required);
        number("bound", use.bound);
        text("reason", with_option_names(use.reason, option_name_));
      });
      object("outputs", [&] {
        shape_or_null("featmap", inspection.outputs.featmap);
        shape_or_null("raw", inspection.outputs.raw);
        shape_or_null("cls_token", inspection.outputs.cls_token);
        shape_or_null("registers", inspection.outputs.registers);
        shape_or_null("avg_featmap", inspection.outputs.avg_featmap);
      });
    });
    return std::move(json_).take();
  }

 private:
  void write_file(const FileInfo& file) {
    text("path", file.path);
    text("format", file.format);
    number("bytes", file.bytes);
    number("tensors", file.tensors);
    number("values", file.values);
    text("dtypes", file.dtypes);
  }

  void write_model(const ModelInfo& model) {
    text("family", model.family);
    text_or_null("arch", model.arch);
    text_or_null("task", std::string(task_text(model)));
    number_or_null("width", model.width);
    number_or_null("depth", model.depth);
    number_or_null("heads", model.heads);
    number_or_null("kv_heads", model.kv_heads);
    number_or_null("mlp_width", model.mlp_width);
    json_.key("cls_token");
    json_.flag(model.cls_token);
    number("registers", model.registers);
    const Grid grid = model.grid;
    shape_or_null("grid",
                  grid.patches() > 0 ? std::vector{grid.height, grid.width} : std::vector<Index>());
    number("patch_padding", model.patch_padding);
    number_or_null("outputs", model.outputs);
    number("parameters", model.parameters);
  }

  void write_report(const Report& report) {
    text("verdict", verdict_name(report.verdict));
    number("required", report.required);
    number("bound", report.bound);
    each("missing", report.missing, [&](const MissingParameter& parameter) {
      text("key", parameter.key);
      shape("shape", parameter.shape);
    });
    each("mismatched", report.mismatched, [&](const MismatchedParameter& parameter) {
      text("key", parameter.key);
      shape("expected", parameter.expected);
      shape("found", parameter.found);
      words("reason", parameter.reason);
      text_or_null("type", parameter.type);
    });
    each("unused", report.unused, [&](const UnusedTensors& group) {
      text("reason", with_option_names(group.reason, option_name_));
      number("count", group.keys.size());
      texts("examples", std::span(group.keys).first(std::min(group.keys.size(), kExamples)));
    });
    each("rules", report.rules, [&](const AppliedRule& rule) {
      text("rule", rule.rule);
      number("count", rule.count);
      text("reason", with_option_names(rule.reason, option_name_));
    });
    words("explanation", report.explanation);
    words("hint", report.hint);
    json_.key("notes");
    json_.array([&] {
      for (const std::string& note : report.notes)
        json_.text(with_option_names(note, option_name_));
    });
    each("altered", report.altered, [&](const AlteredParameter& parameter) {
      text("key", parameter.key);
      text("by", parameter.by);
      text("reason", parameter.reason);
    });
    each("candidates", report.candidates, [&](const FoundModel& model) { write_found(model); });
  }

  void write_found(const FoundModel& model) {
    text("prefix", model.prefix);
    text("family", model.family);
    text("verdict", verdict_name(model.verdict));
    number("required", model.required);
    number("bound", model.bound);
    number_or_null("width", model.width);
    number_or_null("depth", model.depth);
    json_.key("taken");
    json_.flag(model.taken);
    words("reason", model.reason);
  }

  template <typename Body>
  void object(std::string_view key, Body&& members) {
    json_.key(key);
    json_.object(members);
  }

  template <typename List, typename Body>
  void each(std::string_view key, const List& list, Body&& members) {
    json_.key(key);
    json_.array([&] {
      for (const auto& item : list) json_.object([&] { members(item); });
    });
  }

  void text(std::string_view key, std::string_view value) {
    json_.key(key);
    json_.text(value);
  }
  void texts(std::string_view key, std::span<const std::string> values) {
    json_.key(key);
    json_.texts(values);
  }
  template <typename T>
  void number(std::string_view key, T value) {
    json_.key(key);
    json_.number(value);
  }
  void shape(std::string_view key, std::span<const Index> value) {
    json_.key(key);
    json_.numbers(value);
  }
  void text_or_null(std::string_view key, std::string_view value) {
    json_.key(key);
    value.empty() ? json_.null() : json_.text(value);
  }
  void words(std::string_view key, std::string_view value) {
    text_or_null(key, with_option_names(value, option_name_));
  }
  void number_or_null(std::string_view key, Index value) {
    json_.key(key);
    value > 0 ? json_.number(value) : json_.null();
  }
  void shape_or_null(std::string_view key, std::span<const Index> value) {
    json_.key(key);
    value.empty() ? json_.null() : json_.numbers(value);
  }

  OptionName option_name_;
  JsonText json_;
};

}  // namespace

// Keys of hostile files may hold any bytes; they become U+FFFD where they are not UTF-8.
std::string Inspection::json(OptionName option_name) const {
  return printable_json(ReportWriter(option_name).write(*this));
}

}  // namespace sapiens

#include <fmt/format.h>

#include <algorithm>
#include <sapiens/printable.hpp>

#include "cli/eval/eval.hpp"

namespace sapiens::cli {
namespace {

std::string value_text(const Metric& metric) {
  return metric.value ? fmt::format("{:.{}f}", *metric.value, metric.digits) : "-";
}

std::string table(const std::vector<Metric>& metrics) {
  std::size_t widest = 0;
  for (const Metric& metric : metrics) widest = std::max(widest, printable(metric.name).size());
  std::string text;
  for (const Metric& metric : metrics) {
    text += fmt::format("  {:<{}}  {:>8}  {}\n", printable(metric.name), widest, value_text(metric),
                        printable(metric.meaning));
  }
  return text;
}

/// "3 true boxes" of 3 and "true_boxes".
std::string count_text(std::string what, const Json& count) {
  std::ranges::replace(what, '_', ' ');
  return fmt::format("{} {}", count.get<Index>(), what);
}

std::string counts_text(const EvalReport& report) {
  std::string text = fmt::format("{} images", report.images);
  for (const auto& [what, count] : report.scores.counted.items()) {
    text += ", " + count_text(what, count);
  }
  if (report.without_truth > 0) {
    text += fmt::format("; {} images with nothing to compare were skipped", report.without_truth);
  }
  if (report.failed > 0) text += fmt::format("; {} failed and are not counted", report.failed);
  return text;
}

std::string left_out_text(const Json& left_out) {
  std::string text;
  for (const auto& [what, count] : left_out.items()) {
    if (count == 0) continue;
    text += (text.empty() ? "left out: " : ", ") + count_text(what, count);
  }
  return text.empty() ? text : text + "\n";
}

Json value_json(const Metric& metric) { return metric.value ? Json(*metric.value) : Json(nullptr); }

}  // namespace

std::string report_text(const EvalReport& report) {
  std::string text =
      fmt::format("{}\n{} against {}\n{}\n", printable(report.what), task_name(report.task),
                  printable(report.truth), counts_text(report));
  text += left_out_text(report.scores.left_out);
  if (!report.boxes.empty()) text += fmt::format("persons: {}\n", printable(report.boxes));
  text += report.scores.conventions + "\n\n" + table(report.scores.metrics);
  if (!report.scores.parts.empty()) text += "\n" + table(report.scores.parts);
  return text;
}

Json report_json(const EvalReport& report) {
  Json metrics = Json::object(), meanings = Json::object(), parts = Json::array();
  for (const Metric& metric : report.scores.metrics) {
    metrics[metric.name] = value_json(metric);
    meanings[metric.name] = metric.meaning;
  }
  for (const Metric& part : report.scores.parts) {
    parts.push_back({{"name", part.name}, {"value", value_json(part)}, {"of", part.meaning}});
  }
  Json json = {{"task", task_name(report.task)},
               {"evaluated", report.what},
               {"truth", report.truth},
               {"images",
                {{"compared", report.images},
                 {"nothing_to_compare", report.without_truth},
                 {"failed", report.failed}}},
               {"counted", report.scores.counted}};
  if (!report.scores.left_out.empty()) json["left_out"] = report.scores.left_out;
  if (!report.files.empty()) json["files"] = report.files;
  if (!report.boxes.empty()) json["boxes"] = report.boxes;
  json["metrics"] = std::move(metrics);
  if (!parts.empty()) json[report.task == Task::Seg ? "classes" : "keypoints"] = std::move(parts);
  json["meanings"] = std::move(meanings);
  json["conventions"] = report.scores.conventions;
  json["settings"] = report.settings;
  return json;
}

}  // namespace sapiens::cli

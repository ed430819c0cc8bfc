#include <fmt/format.h>

#include <algorithm>
#include <sapiens/printable.hpp>
#include <sapiens/version.hpp>

#include "cli/run/jobs.hpp"
#include "cli/terminal/messages.hpp"

namespace sapiens::cli {
namespace {

Json job_json(const Job& job) {
  Json outputs = Json::array();
  for (const JobFile& file : job.files) {
    outputs.push_back(file.label);
    outputs.back()["path"] = file.path.string();
  }
  Json json = {{"input", job.input.text()}, {"outputs", std::move(outputs)}};
  if (job.images.size() == 1) json["viz"] = job.images.front().string();
  if (job.images.size() > 1) {
    for (const auto& image : job.images) json["viz"].push_back(image.string());
  }
  return json;
}

Json result_json(const Job& job, const JobResult& result) {
  if (result.error) return failure_json(job.input.text(), *result.error);
  Json json = job_json(job);
  json["shape"] = result.shape;
  for (std::size_t i = 0; i < result.shapes_of_files.size(); ++i) {
    json["outputs"][i]["shape"] = result.shapes_of_files[i];
  }
  json["seconds"] = result.seconds;
  json.update(result.details);
  return json;
}

}  // namespace

std::string pace_text(double seconds, Index done, const EngineStats& stats) {
  if (done == 0) return "";
  return fmt::format(", {} each ({}, {} threads, {})",
                     seconds_text(seconds / static_cast<double>(done)), precision_text(stats),
                     stats.threads, stats.isa);
}

Json failure_json(const std::string& input, const Error& error) {
  return {{"input", input}, {"error", error_json(error)}};
}

bool memory_ran_out(std::span<const JobResult> results) {
  return std::ranges::any_of(results, [](const JobResult& result) {
    return result.error && result.error->code() == ErrorCode::OutOfResources;
  });
}

Index JobsSummary::failures() const {
  return static_cast<Index>(plan.inputs.failed.size()) +
         std::count_if(results.begin(), results.end(),
                       [](const JobResult& result) { return result.error.has_value(); });
}

Index JobsSummary::done() const {
  return static_cast<Index>(results.size() + plan.inputs.failed.size()) - failures();
}

std::string JobsSummary::text() const {
  std::string text = fmt::format("{} done", done());
  if (failures() > 0) text += fmt::format(", {} failed", failures());
  if (!plan.finished.empty()) text += fmt::format(", {} finished before", plan.finished.size());
  text += pace_text(seconds, done(), stats) + "\n";
  const auto shown = std::find_if(results.begin(), results.end(),
                                  [](const JobResult& result) { return !result.error; });
  if (shown != results.end()) {
    const Job& job = plan.jobs[static_cast<std::size_t>(shown - results.begin())];
    text += fmt::format("{} {}{}{} in {}", what, dims_text(shown->shape), type.empty() ? "" : " ",
                        type, printable(job.files.front().path.string()));
    text += done() > 1 || job.files.size() > 1 ? " and so on\n" : "\n";
    if (!job.images.empty()) {
      text += fmt::format("image in {}{}\n", printable(job.images.front().string()),
                          job.images.size() > 1 ? " and so on" : "");
    }
  }
  if (!findings.line.empty()) text += findings.line + "\n";
  return text;
}

Json JobsSummary::json() const {
  Json all = Json::array();
  for (const Job& job : plan.finished) {
    all.push_back(job_json(job));
    all.back()["finished_before"] = true;
  }
  for (std::size_t i = 0; i < results.size(); ++i) {
    all.push_back(result_json(plan.jobs[i], results[i]));
  }
  for (const FailedInput& failed : plan.inputs.failed) {
    all.push_back(failure_json(failed.path, failed.error));
  }
  Json document = plan.manifest.settings;
  document["version"] = SAPIENS_VERSION;
  document["output"] = plan.options.output;
  document["inputs"] = std::move(all);
  document["left_out"] = left_out_json(plan.inputs.left_out);
  document["totals"] = {
      {"done", done()},
      {"failed", failures()},
      {"finished_before", plan.finished.size()},
      {"seconds", seconds},
      {"load_seconds", stats.load_seconds},
      {"threads", stats.threads},
      {"isa", stats.isa},
  };
  document["totals"].update(findings.totals);
  document["memory"] = {{"weight_bytes", stats.weight_bytes},
                        {"activation_bytes", stats.activation_bytes}};
  return document;
}

void report(const JobsSummary& summary, Session& session) {
  expect_files(summary.plan, summary.results);
  if (session.json) {
    print_json(summary.json());
  } else {
    print(summary.text());
  }
  session.exit_code = exit_code_of_failures(summary.failures(), memory_ran_out(summary.results));
}

}  // namespace sapiens::cli

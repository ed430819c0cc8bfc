#include "features_summary.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <sapiens/version.hpp>

#include "text.hpp"

namespace sapiens::cli {
namespace {

Json outputs_json(const Job& job, std::span<const Index> layers) {
  Json outputs = Json::array();
  for (std::size_t i = 0; i < layers.size(); ++i) {
    outputs.push_back({{"layer", layers[i]}, {"path", job.arrays[i].string()}});
  }
  return outputs;
}

Json job_json(const Job& job, std::span<const Index> layers) {
  Json json = {{"input", job.input.path.string()}, {"outputs", outputs_json(job, layers)}};
  if (!job.picture.empty()) json["viz"] = job.picture.string();
  return json;
}

Json failure_json(const std::string& input, const Error& error) {
  return {{"input", input}, {"error", error_json(error)}};
}

}  // namespace

Index FeaturesSummary::failures() const {
  return static_cast<Index>(not_found.size()) +
         std::count_if(results.begin(), results.end(),
                       [](const JobResult& result) { return result.error.has_value(); });
}

std::string FeaturesSummary::text() const {
  const Index done = static_cast<Index>(jobs.size() + not_found.size()) - failures();
  std::string text = fmt::format("{} done", done);
  if (failures() > 0) text += fmt::format(", {} failed", failures());
  if (!finished_before.empty()) text += fmt::format(", {} finished before", finished_before.size());
  if (done > 0) {
    text += fmt::format(", {} each ({}, {} threads, {})",
                        seconds_text(seconds / static_cast<double>(done)), stats.precision,
                        stats.threads, stats.isa);
  }
  text += "\n";
  const auto shown = std::find_if(results.begin(), results.end(),
                                  [](const JobResult& result) { return !result.error; });
  if (shown != results.end()) {
    const Job& job = jobs[static_cast<std::size_t>(shown - results.begin())];
    text += fmt::format("{} {} {} in {}", manifest.settings["out_type"].get<std::string>(),
                        dims_text(shown->shape), dtype_name(options.dtype),
                        job.arrays.front().string());
    text += done > 1 || layers.size() > 1 ? " and so on\n" : "\n";
    if (!job.picture.empty()) text += fmt::format("picture in {}\n", job.picture.string());
  }
  return text;
}

Json FeaturesSummary::json() const {
  Json inputs = Json::array();
  for (const Job& job : finished_before) {
    inputs.push_back(job_json(job, layers));
    inputs.back()["finished_before"] = true;
  }
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    if (results[i].error) {
      inputs.push_back(failure_json(jobs[i].input.path.string(), *results[i].error));
      continue;
    }
    inputs.push_back(job_json(jobs[i], layers));
    inputs.back()["shape"] = results[i].shape;
    inputs.back()["seconds"] = results[i].seconds;
  }
  for (const FailedInput& failed : not_found) {
    inputs.push_back(failure_json(failed.path, failed.error));
  }
  Json document = manifest.settings;
  document["version"] = SAPIENS_VERSION;
  document["output"] = options.output;
  document["inputs"] = std::move(inputs);
  document["totals"] = {
      {"done", static_cast<Index>(jobs.size() + not_found.size()) - failures()},
      {"failed", failures()},
      {"finished_before", finished_before.size()},
      {"seconds", seconds},
      {"load_seconds", stats.load_seconds},
      {"threads", stats.threads},
      {"isa", stats.isa},
  };
  document["memory"] = {{"weight_bytes", stats.weight_bytes},
                        {"activation_bytes", stats.activation_bytes}};
  return document;
}

}  // namespace sapiens::cli

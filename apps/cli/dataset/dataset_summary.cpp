#include <fmt/format.h>

#include <sapiens/printable.hpp>
#include <sapiens/version.hpp>

#include "cli/dataset/dataset_run.hpp"

namespace sapiens::cli {

Index DatasetSummary::failures() const {
  return result.counts.failed + result.damaged + std::ssize(inputs.failed);
}

std::string DatasetSummary::text() const {
  const Json& merged = result.merged;
  std::string text = fmt::format("{} done", result.counts.done);
  if (failures() > 0) text += fmt::format(", {} failed", failures());
  text += pace_text(seconds, result.counts.done, stats);
  text += fmt::format("\n{} shards finished, {} before or by other processes", result.finished,
                      result.finished_before);
  if (!result.elsewhere.empty()) {
    text += fmt::format(", {} left to other processes", result.elsewhere.size());
  }
  text +=
      fmt::format("\nthe run: {} of {} shards, {} images done, {} failed\n",
                  merged.at("finished").get<std::size_t>(), merged.at("shards").get<std::size_t>(),
                  merged.at("done").get<Index>(), merged.at("failed").get<Index>());
  if (const Index retry = merged.at("retry").get<Index>(); retry > 0) {
    text += fmt::format(
        "{} of the failed could not be opened, or memory ran out: the same command with --resume "
        "works on their shards again\n",
        retry);
  }
  constexpr std::size_t kShown = 5;
  std::size_t shown = 0;
  for (const Json& missing : merged.at("missing")) {
    if (++shown > kShown) {
      text += fmt::format("and {} more: see {}\n", merged.at("missing").size() - kShown,
                          printable((index_folder(options.output).string()) + ".json"));
      break;
    }
    text += fmt::format(
        "missing: {}{}\n", printable(missing.at("shard").get<std::string>()),
        missing.contains("owner") ? ", " + printable(missing.at("owner").get<std::string>()) : "");
  }
  return text;
}

Json DatasetSummary::json() const {
  Json document = settings;
  document["version"] = SAPIENS_VERSION;
  document["output"] = options.output;
  document["part"] =
      part.origin.empty()
          ? Json(nullptr)
          : Json{{"index", part.index}, {"count", part.count}, {"from", part.origin}};
  document["failures"] = Json::array();
  for (const std::span<const FailedInput> list :
       {std::span(inputs.failed), std::span(result.failures)}) {
    for (const FailedInput& failed : list) {
      document["failures"].push_back(failure_json(failed.path, failed.error));
    }
  }
  LeftOutList left_out = inputs.left_out;
  left_out.add(result.left_out);
  document["left_out"] = left_out_json(left_out);
  document["totals"] = {{"done", result.counts.done},
                        {"failed", failures()},
                        {"done_before", result.before.done},
                        {"failed_before", result.before.failed},
                        {"shards_finished", result.finished},
                        {"shards_finished_before", result.finished_before},
                        {"shards_elsewhere", result.elsewhere},
                        {"seconds", seconds},
                        {"load_seconds", stats.load_seconds},
                        {"threads", stats.threads},
                        {"isa", stats.isa}};
  document["run"] = result.merged;
  document["memory"] = {{"weight_bytes", stats.weight_bytes},
                        {"activation_bytes", stats.activation_bytes}};
  return document;
}

void report(const DatasetSummary& summary, Session& session) {
  if (session.json) {
    print_json(summary.json());
  } else {
    for (const std::string& line : left_out_lines(summary.result.left_out)) say(line);
    print(summary.text());
  }
  session.exit_code = exit_code_of_failures(summary.failures(), summary.result.memory_ran_out);
}

}  // namespace sapiens::cli

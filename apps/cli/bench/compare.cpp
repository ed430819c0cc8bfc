#include "cli/bench/compare.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <sapiens/printable.hpp>
#include <sstream>
#include <system_error>

#include "cli/terminal/text.hpp"

namespace sapiens::cli {
namespace {

Timing parse_timing(const Json& json, int samples) {
  const auto seconds = [&](const char* name) { return json.at(name).get<double>(); };
  return {seconds("median"), seconds("min"), seconds("max"), samples};
}

StageTime parse_row(const Json& json, const std::string& name) {
  return {name, parse_timing(json.at("seconds"), json.at("samples").get<int>())};
}

/// What else must be equal for a task.
std::string task_text(const Json& json) {
  if (!json.contains("task")) return "";
  const auto image = json.at("image").get<std::array<Index, 2>>();
  return fmt::format(", {} of an image of {}x{}", json.at("task").get<std::string>(), image[1],
                     image[0]);
}

BenchSummary parse_run(const Json& json, const std::string& document) {
  const Json& model = json.at("model");
  const auto size = json.at("size").get<std::array<Index, 2>>();
  BenchSummary run{
      .document = document,
      .work = fmt::format("Sapiens {}, width {}, {} blocks, batch {} of {}x{}",
                          model.at("arch").get<std::string>(), model.at("width").get<Index>(),
                          model.at("depth").get<Index>(), json.value("batch", Index{1}), size[0],
                          size[1]) +
              task_text(json),
      .isa = json.at("isa").get<std::string>(),
      .precision = json.at("precision").get<std::string>(),
      .threads = json.at("threads").get<int>(),
      .rows = {{"whole pass", parse_timing(json.at("seconds"), json.at("repeat").get<int>())}}};
  for (const char* list : {"stages", "operators"}) {
    for (const Json& row : json.value(list, Json::array())) {
      run.rows.push_back(parse_row(row, row.at("name").get<std::string>()));
    }
  }
  if (json.contains("rest")) run.rows.push_back(parse_row(json.at("rest"), "rest"));
  return run;
}

Error not_a_bench(const std::string& name, const std::string& why) {
  return Error(ErrorCode::UnsupportedFormat,
               {.summary = "this is no document of `sapiens bench`",
                .file = name,
                .expected = "JSON written by `sapiens bench --json` or --output",
                .actual = why,
                .hint = "a checkpoint to measure comes before --compare"});
}

const StageTime* find_row(const BenchSummary& run, const std::string& name) {
  const auto at = std::ranges::find(run.rows, name, &StageTime::name);
  return at == run.rows.end() ? nullptr : &*at;
}

Comparison compare(const BenchSummary& before, const BenchSummary& after) {
  if (before.work != after.work) {
    throw Error(ErrorCode::InvalidArgument,
                {.summary = "these measured different things, so no ratio means anything",
                 .key = "--compare",
                 .expected = fmt::format("{} ({})", before.work, before.document),
                 .actual = fmt::format("{} ({})", after.work, after.document)});
  }
  Comparison comparison{.before = before, .after = after, .rows = {}};
  for (const auto& [name, seconds] : before.rows) {
    const StageTime* other = find_row(after, name);
    comparison.rows.push_back(
        {name, seconds, other ? std::optional(other->seconds) : std::nullopt});
  }
  for (const auto& [name, seconds] : after.rows) {
    if (!find_row(before, name)) comparison.rows.push_back({name, std::nullopt, seconds});
  }
  return comparison;
}

std::string describe(const BenchSummary& run) {
  return fmt::format("{}: {} on {} thread{} ({})", printable(run.document),
                     printable(run.precision), run.threads, run.threads == 1 ? "" : "s",
                     printable(run.isa));
}

std::string row_text(const ComparedRow& row) {
  const auto median = [](const std::optional<Timing>& timing) {
    return timing ? time_text(timing->median) : "-";
  };
  const auto ratio = row.ratio();
  std::string text =
      fmt::format("{:<14} {:>11} {:>11} {:>7}  {}", printable(row.name), median(row.before),
                  median(row.after), ratio ? fmt::format("{:.3f}", *ratio) : "", row.change());
  text.erase(text.find_last_not_of(' ') + 1);
  return text + '\n';
}

}  // namespace

std::vector<BenchSummary> summarize_bench(const Json& document, const std::string& name) {
  try {
    std::vector<BenchSummary> runs;
    if (!document.contains("runs")) return {parse_run(document, name)};
    for (const Json& run : document.at("runs")) runs.push_back(parse_run(run, name));
    if (runs.empty()) throw not_a_bench(name, "no run in it");
    return runs;
  } catch (const Json::exception& misfit) {
    throw not_a_bench(name, misfit.what());
  }
}

std::vector<BenchSummary> read_bench(const std::filesystem::path& path) {
  errno = 0;
  std::ostringstream bytes;
  bytes << std::ifstream(path, std::ios::binary).rdbuf();
  if (errno != 0) {
    throw Error(ErrorCode::NotFound, {.summary = "this file cannot be read",
                                      .file = path.string(),
                                      .key = "--compare",
                                      .actual = std::generic_category().message(errno)});
  }
  const Json document = Json::parse(bytes.str(), nullptr, false);
  if (document.is_discarded()) throw not_a_bench(path.string(), "not JSON");
  return summarize_bench(document, path.string());
}

std::optional<double> ComparedRow::ratio() const {
  if (!before || !after || before->median <= 0) return std::nullopt;
  return after->median / before->median;
}

std::string ComparedRow::change() const {
  // One sample has no spread, so nothing can be said.
  if (!before || !after || before->samples < 2 || after->samples < 2) return "";
  if (after->min > before->max) return "slower";
  return after->max < before->min ? "faster" : "";
}

std::vector<Comparison> compare_benches(std::span<const BenchSummary> before,
                                        std::span<const BenchSummary> after) {
  if (before.size() == 1 && after.size() == 1) return {compare(before[0], after[0])};
  std::vector<Comparison> comparisons;
  for (const BenchSummary& now : after) {
    const auto then = std::ranges::find_if(before, [&](const BenchSummary& run) {
      return run.isa == now.isa && run.precision == now.precision;
    });
    if (then != before.end()) comparisons.push_back(compare(*then, now));
  }
  if (comparisons.empty()) {
    throw Error(ErrorCode::InvalidArgument,
                {.summary = "no two runs have the same kernel level and precision",
                 .key = "--compare",
                 .expected = describe(before.front()),
                 .actual = describe(after.front())});
  }
  return comparisons;
}

std::string comparison_text(std::span<const Comparison> comparisons) {
  std::string text;
  for (const auto& [before, after, rows] : comparisons) {
    text += fmt::format("{}before  {}\nafter   {}\n", text.empty() ? "" : "\n", describe(before),
                        describe(after));
    text += fmt::format("{:<14} {:>11} {:>11} {:>7}\n", "", "before", "after", "ratio");
    for (const ComparedRow& row : rows) text += row_text(row);
    const bool changed =
        std::ranges::any_of(rows, [](const ComparedRow& row) { return !row.change().empty(); });
    if (!changed) text += "no change beyond the spread of the repeats\n";
  }
  return text;
}

Json comparison_json(std::span<const Comparison> comparisons) {
  const auto side = [](const BenchSummary& run) {
    return Json{{"document", run.document},
                {"precision", run.precision},
                {"threads", run.threads},
                {"isa", run.isa}};
  };
  const auto seconds = [](const std::optional<Timing>& timing) {
    return timing ? Json(timing->median) : Json(nullptr);
  };
  Json documents = Json::array();
  for (const auto& [before, after, rows] : comparisons) {
    Json list = Json::array();
    for (const ComparedRow& row : rows) {
      const auto ratio = row.ratio();
      list.push_back({{"name", row.name},
                      {"before", seconds(row.before)},
                      {"after", seconds(row.after)},
                      {"ratio", ratio ? Json(*ratio) : Json(nullptr)},
                      {"change", row.change()}});
    }
    documents.push_back({{"before", side(before)}, {"after", side(after)}, {"rows", list}});
  }
  return documents;
}

}  // namespace sapiens::cli

#include <fmt/format.h>

#include <algorithm>
#include <sapiens/version.hpp>
#include <string_view>

#include "cli/bench/measure.hpp"
#include "cli/terminal/messages.hpp"

namespace sapiens::cli {
namespace {

double images_per_second(const BenchRun& run) {
  return static_cast<double>(run.batch) / run.seconds.median;
}

double tokens_per_second(const BenchRun& run) {
  return static_cast<double>(run.batch * run.tokens) / run.seconds.median;
}

std::string percent(double share) {
  return fmt::format("{:.{}f} %", 100 * share, share < 0.1 ? 1 : 0);
}

const char* unit_of(std::string_view arithmetic) {
  return arithmetic == "int8" ? "GOPS" : "GFLOPS";
}

std::string header(const BenchRun& run) {
  std::string text =
      fmt::format("{} {}, width {}, {} blocks; {} on {} thread{} ({}; {} KiB of L2 each)\n",
                  family_text(run.model), run.model.arch, run.model.width, run.model.depth,
                  precision_text(run.stats), run.stats.threads, run.stats.threads == 1 ? "" : "s",
                  run.stats.isa, run.stats.l2_bytes >> 10);
  if (run.task) {
    text += fmt::format("{} of an image of {}x{}, width by height\n", task_name(*run.task),
                        run.image.width, run.image.height);
  }
  text += fmt::format("{} of {}x{}, {} tokens each; {:.4g} GFLOP per pass, median of {}\n",
                      run.batch == 1 ? "an image" : fmt::format("{} images", run.batch),
                      run.size.height, run.size.width, run.tokens, run.gflop, run.seconds.samples);
  return text;
}

std::string stage_rows(const BenchRun& run) {
  std::string text =
      fmt::format("\n{:<12} {:>11} {:>11} {:>11}\n", "stage", "median", "min", "max");
  for (const auto& [name, seconds] : run.stages) {
    text += fmt::format("{:<12} {:>11}", name, time_text(seconds.median));
    if (seconds.samples > 1) {
      text += fmt::format(" {:>11} {:>11}", time_text(seconds.min), time_text(seconds.max));
    }
    text += '\n';
  }
  return text;
}

/// 1e9 operations or bytes per second.
double rate_of(const OperatorBench& measured) {
  const double work = measured.work.gbytes > 0 ? measured.work.gbytes : measured.work.gflop;
  return work / measured.seconds.median;
}

/// How many cores computed during a pass. Well below the number of threads on a quiet machine means
/// waiting; on a busy one, that other programs had them.
double busy_cores(const BenchRun& run) { return run.cpu_seconds.median / run.seconds.median; }

/// What the threads would reach if they had their cores to themselves.
double gflops_by_cpu_time(const BenchRun& run) {
  return run.gflop / run.cpu_seconds.median * run.stats.threads;
}

std::string speed_text(const OperatorBench& op) {
  if (op.work.gbytes > 0) return fmt::format("{:.4g} GB/s", rate_of(op));
  if (op.work.gflop > 0) return fmt::format("{:.4g} {}", rate_of(op), unit_of(op.work.arithmetic));
  return "";
}

std::string operator_row(const OperatorBench& op, const BenchRun& run) {
  return fmt::format("{:<14} {:>5} {:>11} {:>7} {:>15}\n", op.work.name, op.work.calls,
                     time_text(op.seconds.median), percent(op.seconds.median / run.seconds.median),
                     speed_text(op));
}

std::string operator_rows(const BenchRun& run) {
  std::string text = fmt::format("\n{:<14} {:>5} {:>11} {:>7} {:>15}\n", "operator", "calls",
                                 "median", "share", "speed");
  for (const OperatorBench& op : run.operators) text += operator_row(op, run);
  text += fmt::format("{:<14} {:>5} {:>11} {:>7}\n", "rest", "", time_text(run.rest.median),
                      percent(run.rest.median / run.seconds.median));
  return text;
}

double stage_seconds(const BenchRun& run, std::string_view name) {
  return std::ranges::find(run.stages, name, &StageTime::name)->seconds.median;
}

/// From the image to the files.
double whole_to_encoder(const BenchRun& run) {
  return run.seconds.median / stage_seconds(run, "encoder");
}

double post_and_draw_to_encoder(const BenchRun& run) {
  return (stage_seconds(run, "post") + stage_seconds(run, "draw")) / stage_seconds(run, "encoder");
}

std::string ratios_text(const BenchRun& run) {
  return fmt::format("\nwhole     {:.3g} times the encoder; post and draw {} of it\n",
                     whole_to_encoder(run), percent(post_and_draw_to_encoder(run)));
}

std::string totals(const BenchRun& run) {
  std::string text =
      fmt::format("\ntogether  {:.3g} images/s, {:.4g} tokens/s, {:.4g} GFLOPS",
                  images_per_second(run), tokens_per_second(run), run.gflop / run.seconds.median);
  text += fmt::format("\nmemory    weights {}, activations {}, peak {}\n",
                      bytes_text(run.stats.weight_bytes), bytes_text(run.stats.activation_bytes),
                      bytes_text(run.peak_memory));
  text += fmt::format("cores     {:.2f} of {} busy, {:.4g} GFLOPS by CPU time\n", busy_cores(run),
                      run.stats.threads, gflops_by_cpu_time(run));
  text += fmt::format("faults    {} pages in the last pass\n", run.page_faults);
  return text;
}

Json timing_json(const Timing& timing) {
  return {{"median", timing.median}, {"min", timing.min}, {"max", timing.max}};
}

Json stage_json(const StageTime& stage) {
  return {{"name", stage.name},
          {"samples", stage.seconds.samples},
          {"seconds", timing_json(stage.seconds)}};
}

Json operator_json(const OperatorBench& op, const BenchRun& run) {
  Json json = {{"name", op.work.name},
               {"calls", op.work.calls},
               {"samples", op.seconds.samples},
               {"seconds", timing_json(op.seconds)},
               {"share", op.seconds.median / run.seconds.median}};
  if (op.work.gflop > 0) {
    json["arithmetic"] = op.work.arithmetic;
    json["gflop"] = op.work.gflop;
    json["gflops"] = rate_of(op);
  }
  if (op.work.gbytes > 0) {
    json["gbytes"] = op.work.gbytes;
    json["gbytes_per_second"] = rate_of(op);
  }
  return json;
}

Json run_json(const BenchRun& run) {
  Json json = {
      {"version", SAPIENS_VERSION},
      {"model",
       {{"family", run.model.family},
        {"arch", run.model.arch},
        {"width", run.model.width},
        {"depth", run.model.depth}}},
      {"size", {run.size.height, run.size.width}},
      {"batch", run.batch},
      {"tokens", run.tokens},
      {"repeat", run.seconds.samples},
      {"seconds", timing_json(run.seconds)},
      {"images_per_second", images_per_second(run)},
      {"tokens_per_second", tokens_per_second(run)},
      {"gflop", run.gflop},
      {"gflops", run.gflop / run.seconds.median},
      {"load_seconds", run.stats.load_seconds},
      {"stages", Json::array()},
      {"operators", Json::array()},
      {"rest", {{"samples", run.rest.samples}, {"seconds", timing_json(run.rest)}}},
      {"memory",
       {{"weights", run.stats.weight_bytes},
        {"activations", run.stats.activation_bytes},
        {"peak_rss", run.peak_memory}}},
      {"cpu_seconds", timing_json(run.cpu_seconds)},
      {"busy_cores", busy_cores(run)},
      {"gflops_by_cpu_time", gflops_by_cpu_time(run)},
      {"page_faults", run.page_faults},
      {"threads", run.stats.threads},
      {"isa", run.stats.isa},
      {"l2_bytes", run.stats.l2_bytes},
      {"precision", run.stats.precision},
      {"unquantized", run.stats.unquantized},
  };
  for (const StageTime& stage : run.stages) json["stages"].push_back(stage_json(stage));
  for (const OperatorBench& op : run.operators) {
    json["operators"].push_back(operator_json(op, run));
  }
  if (run.task) {
    json["task"] = task_name(*run.task);
    json["image"] = {run.image.height, run.image.width};
    json["ratios"] = {{"whole_to_encoder", whole_to_encoder(run)},
                      {"post_and_draw_to_encoder", post_and_draw_to_encoder(run)}};
  }
  return json;
}

}  // namespace

std::string bench_text(const BenchRun& run) {
  return header(run) + stage_rows(run) + operator_rows(run) + (run.task ? ratios_text(run) : "") +
         totals(run);
}

std::string runs_table(std::span<const BenchRun> runs) {
  std::string text = fmt::format("{:<30} {:<9} {:>11} {:>9} {:>8} {:>9} {:>9}\n", "isa",
                                 "precision", "pass", "GFLOPS", "speed", "weights", "peak");
  for (const BenchRun& run : runs) {
    text += fmt::format("{:<30} {:<9} {:>11} {:>9.4g} {:>7.3g}x {:>9} {:>9}\n", run.stats.isa,
                        run.stats.precision, time_text(run.seconds.median),
                        run.gflop / run.seconds.median,
                        runs.front().seconds.median / run.seconds.median,
                        bytes_text(run.stats.weight_bytes), bytes_text(run.peak_memory));
  }
  return text;
}

Json bench_json(std::span<const BenchRun> runs) {
  if (runs.size() == 1) return run_json(runs.front());
  Json documents = Json::array();
  for (const BenchRun& run : runs) {
    documents.push_back(run_json(run));
    documents.back()["speed"] = runs.front().seconds.median / run.seconds.median;
  }
  return {{"runs", documents}};
}

}  // namespace sapiens::cli

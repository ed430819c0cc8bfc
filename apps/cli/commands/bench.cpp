#include <fmt/format.h>

#include <cstdio>
#include <map>
#include <memory>

#include "cli/bench/compare.hpp"
#include "cli/bench/measure.hpp"
#include "cli/bench/options.hpp"
#include "cli/bench/report.hpp"
#include "cli/commands/commands.hpp"
#include "cli/input/json_file.hpp"
#include "cli/terminal/messages.hpp"

namespace sapiens::cli {
namespace {

constexpr const char* kNotWritten = "the measurements cannot be written";

/// The ceilings of each level, measured when the first run needs them.
class Ceilings {
 public:
  explicit Ceilings(bool wanted) : wanted_(wanted) {}

  std::optional<MachineCeilings> of(const EngineOptions& engine) {
    if (!wanted_) return std::nullopt;
    const auto known = by_level_.find(engine.isa);
    if (known != by_level_.end()) return known->second;
    return by_level_[engine.isa] = measure_ceilings(engine.threads, engine.isa);
  }

 private:
  bool wanted_;
  std::map<std::string, MachineCeilings> by_level_;
};

std::vector<BenchRun> measure_runs(const BenchOptions& options, const Session& session) {
  const BenchPlan plan = plan_runs(options);
  if (plan.skipped_reference) {
    say("the reference level is left out: it would take hours; --isa reference runs it");
  }
  Ceilings ceilings(options.ceilings);
  std::vector<BenchRun> runs;
  for (const EngineOptions& engine : plan.runs) {
    runs.push_back(measure_run(options, engine, ceilings.of(engine)));
    if (session.json) continue;
    print(bench_text(runs.back()) + (plan.runs.size() > 1 ? "\n" : ""));
    std::fflush(stdout);  // whoever breaks off the next run has this one
  }
  if (runs.size() > 1 && !session.json) print(runs_table(runs));
  return runs;
}

void compare_files(const BenchOptions& options, const Session& session) {
  if (!options.checkpoint.empty() || !options.output.empty()) {
    throw Error(ErrorCode::InvalidArgument,
                {.summary = "two files are compared without measuring anything",
                 .key = "--compare",
                 .hint = "leave out the checkpoint and --output, or one of the two files"});
  }
  const auto comparisons =
      compare_benches(read_bench(options.compare[0]), read_bench(options.compare[1]));
  if (session.json) {
    print_json({{"comparison", comparison_json(comparisons)}});
  } else {
    print(comparison_text(comparisons));
  }
}

void run(const BenchOptions& options, Session& session) {
  session.interrupts.set_exit_message({}, session.json);
  if (options.compare.size() == 2) return compare_files(options, session);

  std::vector<BenchSummary> before;
  if (!options.compare.empty()) before = read_bench(options.compare.front());
  if (!options.output.empty()) expect_json_writable(options.output, kNotWritten);

  const std::vector<BenchRun> runs = measure_runs(options, session);
  Json document = bench_json(runs);
  const auto no_interruption = session.interrupts.hold();
  if (!options.output.empty()) write_json(options.output, document, kNotWritten);
  std::vector<Comparison> comparisons;
  if (!before.empty()) {
    comparisons = compare_benches(before, summarize_bench(document, "this run"));
    document["comparison"] = comparison_json(comparisons);
  }
  if (session.json) {
    print_json(document);
  } else if (!comparisons.empty()) {
    print("\n" + comparison_text(comparisons));
  }
}

}  // namespace

void add_bench_command(CLI::App& app, Session& session) {
  auto options = std::make_shared<BenchOptions>();
  CLI::App* bench = app.add_subcommand(
      "bench", "Measure the encoder or a task, stage by stage and kernel by kernel");
  add_bench_options(*bench, *options);
  add_json_flag(*bench, session);
  bench->footer(
      "Example:\n"
      "  sapiens bench --arch 0.3b --size 512x384 --repeat 10\n"
      "  sapiens bench model.pth --image photo.jpg --isa all --precision all\n"
      "  sapiens bench --task seg --image-size 1920x1080 --precision bf16\n"
      "  sapiens bench model.pth --output before.json\n"
      "  sapiens bench model.pth --compare before.json\n"
      "  sapiens bench --compare before.json after.json");
  bench->callback([options, &session] { run(*options, session); });
}

}  // namespace sapiens::cli

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>

#include "bench_compare.hpp"
#include "bench_measure.hpp"
#include "bench_options.hpp"
#include "bench_report.hpp"
#include "commands.hpp"
#include "messages.hpp"

namespace sapiens::cli {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void throw_not_written(const std::string& path) {
  throw Error(ErrorCode::WriteFailed, {.summary = "the document could not be written",
                                       .file = path,
                                       .key = "--output",
                                       .actual = std::generic_category().message(errno)});
}

/// An hour of measuring should not end with this.
void expect_writable(const std::string& path) {
  const bool is_new = !fs::exists(path);
  errno = 0;
  if (!std::ofstream(path, std::ios::app)) throw_not_written(path);
  std::error_code ignored;
  if (is_new) fs::remove(path, ignored);
}

void write_document(const std::string& path, const Json& document) {
  errno = 0;
  std::ofstream file(path);
  file << document.dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
  if (!file.flush()) throw_not_written(path);
}

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
  const auto comparisons =
      compare_benches(read_bench(options.compare[0]), read_bench(options.compare[1]));
  if (session.json) {
    print_json({{"comparison", comparison_json(comparisons)}});
  } else {
    print(comparison_text(comparisons));
  }
}

void run(const BenchOptions& options, Session& session) {
  session.interrupts.set_farewell({}, session.json);
  if (options.compare.size() == 2) return compare_files(options, session);

  std::vector<BenchSummary> before;
  if (!options.compare.empty()) before = read_bench(options.compare.front());
  if (!options.output.empty()) expect_writable(options.output);

  const std::vector<BenchRun> runs = measure_runs(options, session);
  Json document = bench_json(runs);
  const auto no_interruption = session.interrupts.hold();
  if (!options.output.empty()) write_document(options.output, document);
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
  CLI::App* bench =
      app.add_subcommand("bench", "Measure the encoder, stage by stage and kernel by kernel");
  add_bench_options(*bench, *options);
  add_json_flag(*bench, session);
  bench->footer(
      "Example:\n"
      "  sapiens bench --arch 0.3b --size 512x384 --repeat 10\n"
      "  sapiens bench model.pth --image photo.jpg --isa all --precision all\n"
      "  sapiens bench model.pth --output before.json\n"
      "  sapiens bench model.pth --compare before.json\n"
      "  sapiens bench --compare before.json after.json");
  bench->callback([options, &session] { run(*options, session); });
}

}  // namespace sapiens::cli

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <sapiens/machine.hpp>

#include "cli/bench/measure.hpp"
#include "cli/commands/commands.hpp"
#include "cli/input/json_file.hpp"
#include "cli/options/options.hpp"
#include "cli/terminal/messages.hpp"

namespace sapiens::cli {
namespace {

constexpr const char* kNotWritten = "the measurements cannot be written";
constexpr const char* kReference = "reference";

/// As a level or a precision: each of them.
constexpr const char* kAll = "all";

/// The command line.
struct BenchCommand : BenchOptions {
  std::string isa;  // a level, kAll, or empty for the engine's own choice
  std::string precision;
  std::string output;
};

/// The reference level computes some 0.2 GFLOP per second.
bool suits_reference(const BenchCommand& options) {
  if (options.checkpoint.empty()) return arch_of(options) == "tiny";
  constexpr Index kMaxParameters = 1'000'000;
  return Checkpoint::open(options.checkpoint).inspect(options.model).model.parameters <=
         kMaxParameters;
}

std::vector<Precision> precisions_of(const BenchCommand& options) {
  if (options.precision == kAll) return {Precision::Fp32, Precision::Bf16, Precision::Int8};
  for (const Precision precision : {Precision::Fp32, Precision::Bf16, Precision::Int8}) {
    if (options.precision == precision_name(precision)) return {precision};
  }
  return {Precision::Auto};
}

void add_options(CLI::App& bench, BenchCommand& options) {
  CLI::Option* checkpoint = takes_checkpoint(bench.add_option(
      "CKPT", options.checkpoint, "Checkpoint; without one, random weights of --arch"));
  bench
      .add_option("--arch", options.model.arch,
                  fmt::format("Model; without a checkpoint {} unless given", kDefaultArch))
      ->type_name(arch_type(true));
  add_prefix_option(bench, options.model)->needs(checkpoint);
  CLI::Option* size = add_size_option(bench, options.model.input_size,
                                      "Size of the input; by default the model's own");
  CLI::Option* image =
      bench
          .add_option("--image", options.image,
                      "Image to decode, resize and compute with; by default made-up numbers")
          ->type_name(kFileType);
  CLI::Option* batch =
      add_number(bench, "--batch", options.batch, {1, 4096}, "Images per forward pass");
  CLI::Option* task =
      bench
          .add_option_function<std::string>(
              "--task", [&options](const std::string& name) { options.task = parse_task(name); },
              "Measure a whole task, from an image to files")
          ->check(CLI::IsMember(head_task_names()))
          ->excludes(size)
          ->excludes(batch);
  bench
      .add_option_function<std::string>(
          "--image-size",
          [&options](const std::string& text) {
            const auto turned = parse_grid(text);  // which reads heights first
            if (!turned) {
              throw CLI::ValidationError("--image-size", "`" + text + "` is not WIDTHxHEIGHT");
            }
            options.image_size = Grid{turned->width, turned->height};
          },
          fmt::format("Size of the made-up image of a task; by default {}x{}",
                      kDefaultImageSize.width, kDefaultImageSize.height))
      ->type_name("WxH")
      ->needs(task)
      ->excludes(image);
  add_number(bench, "--repeat", options.repeat, {1, 100000},
             "Forward passes measured, after one to warm up");
  add_threads_option(bench, options.engine);
  bench
      .add_option("--isa", options.isa,
                  "Highest kernel level, or all: one run for each this CPU has; by default "
                  "SAPIENS_ISA, else the best")
      ->check(CLI::IsMember({"reference", "avx2", "avx512", "amx", kAll}));
  bench.add_option("--precision", options.precision, "Arithmetic, or all: one run for each")
      ->check(CLI::IsMember({"auto", "fp32", "bf16", "int8", kAll}))
      ->default_str("auto");
  bench.add_option("-o,--output", options.output, "File for the JSON document")
      ->type_name(kFileType);
}

/// What to run, best level first. `skipped_reference` says whether `reference` was left out of
/// "all" because it would take hours for this model.
struct BenchPlan {
  std::vector<EngineOptions> runs = {};
  bool skipped_reference = false;
};

BenchPlan plan_runs(const BenchCommand& options) {
  BenchPlan plan;
  std::vector<std::string> levels = {options.isa};
  if (options.isa == kAll) {
    levels = kernel_levels();
    plan.skipped_reference = levels.size() > 1 && !suits_reference(options);
    if (plan.skipped_reference) std::erase(levels, kReference);
    std::reverse(levels.begin(), levels.end());
  }
  for (const std::string& level : levels) {
    for (const Precision precision : precisions_of(options)) {
      EngineOptions engine = options.engine;
      engine.isa = level;
      engine.precision = precision;
      plan.runs.push_back(engine);
    }
  }
  return plan;
}

std::vector<BenchRun> measure_runs(const BenchCommand& options, const Session& session) {
  const BenchPlan plan = plan_runs(options);
  if (plan.skipped_reference) {
    say("the reference level is left out: it would take hours; --isa reference runs it");
  }
  std::vector<BenchRun> runs;
  for (const EngineOptions& engine : plan.runs) {
    runs.push_back(measure_run(options, engine));
    if (session.json) continue;
    print(bench_text(runs.back()) + (plan.runs.size() > 1 ? "\n" : ""));
    std::fflush(stdout);  // who interrupts the next run has this one
  }
  if (runs.size() > 1 && !session.json) print(runs_table(runs));
  return runs;
}

void run(const BenchCommand& options, Session& session) {
  session.interrupts.set_exit_message({}, session.json);
  if (!options.output.empty()) expect_json_writable(options.output, kNotWritten);
  const Json document = bench_json(measure_runs(options, session));
  const auto no_interruption = session.interrupts.hold();
  if (!options.output.empty()) write_json(options.output, document, kNotWritten);
  if (session.json) print_json(document);
}

}  // namespace

void add_bench_command(CLI::App& app, Session& session) {
  auto options = std::make_shared<BenchCommand>();
  CLI::App* bench = app.add_subcommand(
      "bench", "Measure the encoder or a task, stage by stage and kernel by kernel");
  add_options(*bench, *options);
  add_json_flag(*bench, session);
  bench->footer(
      "Example:\n"
      "  sapiens bench --arch 0.3b --size 512x384 --repeat 10\n"
      "  sapiens bench --arch sapiens2_0.4b --precision bf16\n"
      "  sapiens bench model.pth --image photo.jpg --isa all --precision all\n"
      "  sapiens bench --task seg --image-size 1920x1080 --precision bf16");
  bench->callback([options, &session] { run(*options, session); });
}

}  // namespace sapiens::cli

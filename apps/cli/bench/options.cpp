#include "cli/bench/options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <sapiens/machine.hpp>

#include "cli/options/options.hpp"

namespace sapiens::cli {
namespace {

constexpr const char* kDefaultArch = "0.3b";
constexpr const char* kReference = "reference";

/// The reference level computes some 0.2 GFLOP per second.
bool suits_reference(const BenchOptions& options) {
  if (options.checkpoint.empty()) return arch_of(options) == "tiny";
  constexpr Index kMaxParameters = 1'000'000;
  return Checkpoint::open(options.checkpoint).inspect(options.model).model.parameters <=
         kMaxParameters;
}

std::vector<Precision> precisions_of(const BenchOptions& options) {
  if (options.precision == kAll) return {Precision::Fp32, Precision::Bf16, Precision::Int8};
  for (const Precision precision : {Precision::Fp32, Precision::Bf16, Precision::Int8}) {
    if (options.precision == precision_name(precision)) return {precision};
  }
  return {Precision::Auto};
}

}  // namespace

void add_bench_options(CLI::App& bench, BenchOptions& options) {
  CLI::Option* checkpoint = takes_checkpoint(bench.add_option(
      "CKPT", options.checkpoint, "Checkpoint; without one, random weights of --arch"));
  bench
      .add_option("--arch", options.model.arch,
                  fmt::format("Model; without a checkpoint {} unless given", kDefaultArch))
      ->type_name("0.3b|0.6b|1b|2b|tiny");
  add_prefix_option(bench, options.model)->needs(checkpoint);
  CLI::Option* size = add_size_option(bench, options.model.input_size,
                                      "Size of the input; by default the model's own");
  CLI::Option* image =
      bench
          .add_option("--image", options.image,
                      "Image to decode, resize and compute with; by default made-up numbers")
          ->type_name(kFileType);
  CLI::Option* batch = bench.add_option("--batch", options.batch, "Images per forward pass")
                           ->check(CLI::Range(Index{1}, Index{4096}))
                           ->capture_default_str();
  CLI::Option* task =
      bench
          .add_option_function<std::string>(
              "--task", [&options](const std::string& name) { options.task = parse_task(name); },
              "Measure a whole task, from an image to files")
          ->check(CLI::IsMember({"pose", "seg", "depth", "normal"}))
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
  bench.add_option("--repeat", options.repeat, "Forward passes measured, after one to warm up")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str();
  add_threads_option(bench, options.engine);
  bench
      .add_option("--isa", options.isa,
                  "Highest kernel level, or all: one run for each this CPU has; by default "
                  "SAPIENS_ISA, else the best")
      ->check(CLI::IsMember({"reference", "avx2", "avx512", "amx", kAll}));
  bench.add_option("--precision", options.precision, "Arithmetic, or all: one run for each")
      ->check(CLI::IsMember({"auto", "fp32", "bf16", "int8", kAll}))
      ->default_str("auto");
  bench.add_flag("!--no-ceilings", options.ceilings,
                 "Do not measure what the machine can do at most (a second per level)");
  bench.add_option("-o,--output", options.output, "File for the JSON document")
      ->type_name(kFileType);
  bench
      .add_option("--compare", options.compare,
                  "JSON document of an earlier run to compare this run with; with a second one, "
                  "nothing is run and the two are compared")
      ->type_name("FILE [FILE2]")
      ->expected(1, 2);
}

std::string arch_of(const BenchOptions& options) {
  return options.model.arch.empty() ? kDefaultArch : options.model.arch;
}

BenchPlan plan_runs(const BenchOptions& options) {
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

}  // namespace sapiens::cli

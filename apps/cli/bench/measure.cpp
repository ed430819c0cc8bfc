#include "cli/bench/measure.hpp"

#include <algorithm>
#include <random>
#include <utility>

#include "cli/bench/passes.hpp"

namespace sapiens::cli {
namespace {

std::vector<float> random_values(std::size_t count) {
  std::vector<float> values(count);
  std::mt19937 generator(1);
  std::normal_distribution<float> normal;
  std::generate(values.begin(), values.end(), [&] { return normal(generator); });
  return values;
}

Encoder load(const BenchOptions& options, const EngineOptions& engine, BenchRun& run) {
  return load_measured(engine, run, [&](const EngineOptions& loading) {
    return options.checkpoint.empty()
               ? Encoder::random({.arch = arch_of(options)}, loading)
               : Encoder(Checkpoint::open(options.checkpoint), options.model, loading);
  });
}

/// The input of the network, [batch, 3, H, W].
std::vector<float> prepare_input(const Encoder& encoder, const BenchOptions& options,
                                 BenchRun& run) {
  const Image image = input_image(options, run.size, run);
  FloatArray one;
  const Timing preprocess = timed(
      options.repeat, [&] { one = encoder.preprocess(image, PreprocessMode::Full, run.size); });
  run.stages.push_back({"preprocess", preprocess});
  if (options.image.empty()) return random_values(one.values.size() * run.batch);
  std::vector<float> batch;
  for (Index i = 0; i < run.batch; ++i) {
    batch.insert(batch.end(), one.values.begin(), one.values.end());
  }
  return batch;
}

/// The engine's operator "output" is a stage of its own here: the features on their way to the
/// caller.
Pass pass_of(double seconds, std::vector<OperatorTime> operators) {
  double output = 0;
  std::erase_if(operators, [&](const OperatorTime& work) {
    if (work.name != "output") return false;
    output += work.seconds;
    return true;
  });
  const double forward = seconds - output, rest = forward - seconds_of(operators);
  return {.seconds = seconds,
          .stages = {forward, output},
          .operators = std::move(operators),
          .rest = rest};
}

void run_encoder(Encoder& encoder, const BenchOptions& options, const std::vector<float>& input,
                 BenchRun& run) {
  constexpr const char* kStages[] = {"forward", "output"};
  const TensorView<const float, 4> view(input.data(),
                                        {run.batch, 3, run.size.height, run.size.width});
  measure_passes(run, options.repeat, kStages, [&](const Progress& progress) {
    FeatureOptions features;
    features.progress = progress;
    const Stopwatch watch;
    FeatureRun found = encoder.run(view, features);
    const double seconds = watch.seconds();
    return pass_of(seconds, std::move(found.stats.operators));
  });
  run.stats = encoder.stats();
}

void measure_encoder(const BenchOptions& options, const EngineOptions& engine, BenchRun& run) {
  run.batch = options.batch;
  Encoder encoder = load(options, engine, run);
  run.model = encoder.inspection().model;
  run.stats = encoder.stats();
  run.size = options.model.input_size.value_or(encoder.input_size());
  run.tokens = encoder.output_shapes(run.size).raw.at(0);
  run_encoder(encoder, options, prepare_input(encoder, options, run), run);
}

}  // namespace

std::string arch_of(const BenchOptions& options) {
  return options.model.arch.empty() ? kDefaultArch : options.model.arch;
}

BenchRun measure_run(const BenchOptions& options, const EngineOptions& engine) {
  forget_peak_memory();
  BenchRun run;
  run.task = options.task;
  options.task ? measure_task(options, engine, run) : measure_encoder(options, engine, run);
  for (const OperatorBench& measured : run.operators) run.gflop += measured.work.gflop;
  run.peak_memory = peak_memory();
  return run;
}

}  // namespace sapiens::cli

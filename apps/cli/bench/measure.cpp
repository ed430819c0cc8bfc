#include "cli/bench/measure.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <random>

#include "cli/bench/task.hpp"
#include "cli/bench/tools.hpp"

namespace sapiens::cli {
namespace {

/// Multiplications and additions of the matrix products; norms and softmax are left out.
double forward_gflop(const ModelInfo& model, Index patches, Index tokens) {
  const auto n = static_cast<double>(tokens);
  const auto c = static_cast<double>(model.width);
  const auto m = static_cast<double>(model.mlp_width);
  const double linears = 2 * n * c * (4 * c + 2 * m);  // qkv, proj and the two of the MLP
  const double attention = 4 * n * n * c;              // q k^T and its product with v
  constexpr double kPatchValues = 3 * 16 * 16;
  const double embedding = 2 * static_cast<double>(patches) * kPatchValues * c;
  return (static_cast<double>(model.depth) * (linears + attention) + embedding) * 1e-9;
}

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
  Image image;
  if (options.image.empty()) {
    image = made_up_image(run.size);
  } else {
    const Timing decode = timed(options.repeat, [&] { image = Image::read(options.image); });
    run.stages.push_back({"decode", decode});
  }
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

/// The engine's "output" is a stage of its own here: the features on their way to the caller.
bool is_output(const OperatorTime& work) { return work.name == "output"; }

/// The times of one pass after the other.
class Passes {
 public:
  void add(double seconds, double cpu_seconds, const RunStats& stats) {
    last_ = stats.operators;
    double output = 0, operators = 0;
    operators_.resize(stats.operators.size());
    for (std::size_t i = 0; i < operators_.size(); ++i) {
      const OperatorTime& measured = stats.operators[i];
      operators_[i].push_back(measured.seconds);
      (is_output(measured) ? output : operators) += measured.seconds;
    }
    total_.push_back(seconds);
    cpu_.push_back(cpu_seconds);
    output_.push_back(output);
    forward_.push_back(seconds - output);
    rest_.push_back(seconds - output - operators);
  }

  void finish(BenchRun& run) const {
    run.seconds = timing_of(total_);
    run.cpu_seconds = timing_of(cpu_);
    run.rest = timing_of(rest_);
    run.stages.push_back({"forward", timing_of(forward_)});
    run.stages.push_back({"output", timing_of(output_)});
    for (std::size_t i = 0; i < operators_.size(); ++i) {
      const OperatorTime& work = last_[i];
      if (!is_output(work)) run.operators.push_back({work, timing_of(operators_[i])});
    }
  }

 private:
  std::vector<double> total_, cpu_, forward_, output_, rest_;
  std::vector<std::vector<double>> operators_;
  std::vector<OperatorTime> last_;  // of the last pass
};

void measure_passes(Encoder& encoder, const BenchOptions& options, const std::vector<float>& input,
                    BenchRun& run) {
  const TensorView<const float, 4> view(input.data(),
                                        {run.batch, 3, run.size.height, run.size.width});
  const std::string title = fmt::format("{} on {}", run.stats.precision, run.stats.isa);
  Meter meter(title, 1 + options.repeat, stderr_is_terminal());
  const Stopwatch since_start;
  Passes passes;
  for (int pass = 0; pass <= options.repeat; ++pass) {
    FeatureOptions features;
    features.progress = [&](double done) {
      if (since_start.seconds() > 2) meter.update(pass + done);
    };
    const Usage before = usage_so_far();
    const Stopwatch watch;
    const FeatureRun found = encoder.run(view, features);
    const double seconds = watch.seconds();
    const Usage after = usage_so_far();
    run.page_faults = after.page_faults - before.page_faults;
    if (pass == 0) continue;  // it touches memory and wakes threads
    passes.add(seconds, after.cpu_seconds - before.cpu_seconds, found.stats);
  }
  run.stats = encoder.stats();
  passes.finish(run);
}

}  // namespace

Timing timing_of(std::vector<double> seconds) {
  std::sort(seconds.begin(), seconds.end());
  const std::size_t n = seconds.size();
  return {.median = (seconds[(n - 1) / 2] + seconds[n / 2]) / 2,
          .min = seconds.front(),
          .max = seconds.back(),
          .samples = static_cast<int>(n)};
}

BenchRun measure_run(const BenchOptions& options, const EngineOptions& engine,
                     const std::optional<MachineCeilings>& ceilings) {
  if (options.task) return measure_task(options, engine, ceilings);
  forget_peak_memory();
  BenchRun run;
  run.batch = options.batch;
  run.ceilings = ceilings;
  Encoder encoder = load(options, engine, run);
  run.model = encoder.inspection().model;
  run.stats = encoder.stats();
  run.size = options.model.input_size.value_or(encoder.input_size());
  const OutputShapes shapes = encoder.output_shapes(run.size);
  run.tokens = shapes.raw.at(0);
  run.gflop = static_cast<double>(run.batch) *
              forward_gflop(run.model, shapes.featmap.at(1) * shapes.featmap.at(2), run.tokens);
  const std::vector<float> input = prepare_input(encoder, options, run);
  measure_passes(encoder, options, input, run);
  run.peak_memory = peak_memory();
  return run;
}

std::optional<Ceiling> ceiling_of(const OperatorTime& work,
                                  const std::optional<MachineCeilings>& ceilings) {
  if (!ceilings) return std::nullopt;
  const auto known = [](Ceiling ceiling) {
    return ceiling.rate > 0 ? std::optional(std::move(ceiling)) : std::nullopt;
  };
  if (work.gbytes > 0) return known({"memory", ceilings->read_gbytes});
  if (work.arithmetic == "int8") return known({"int8", ceilings->int8_gops});
  // Without bf16 instructions, bf16 operands are widened for fp32 ones.
  if (work.arithmetic == "bf16" && ceilings->bf16_gflops > 0) {
    return known({"bf16", ceilings->bf16_gflops});
  }
  if (work.gflop > 0) return known({"fp32", ceilings->fp32_gflops});
  return std::nullopt;
}

double rate_of(const OperatorBench& measured) {
  const double work = measured.work.gbytes > 0 ? measured.work.gbytes : measured.work.gflop;
  return work / measured.seconds.median;
}

double busy_cores(const BenchRun& run) { return run.cpu_seconds.median / run.seconds.median; }

double gflops_by_cpu_time(const BenchRun& run) {
  return run.gflop / run.cpu_seconds.median * run.stats.threads;
}

std::optional<double> ceiling_share(const BenchRun& run) {
  double least = 0;
  for (const OperatorBench& op : run.operators) {
    if (op.work.gflop == 0) continue;
    const auto ceiling = ceiling_of(op.work, run.ceilings);
    if (!ceiling) return std::nullopt;
    least += op.work.gflop / ceiling->rate;
  }
  return least / run.seconds.median;
}

std::optional<double> linears_share(const BenchRun& run, std::span<const std::string_view> names) {
  double least = 0, seconds = 0;
  for (const OperatorBench& op : run.operators) {
    if (std::ranges::find(names, op.work.name) == names.end()) continue;
    const auto ceiling = ceiling_of(op.work, run.ceilings);
    if (!ceiling) return std::nullopt;
    least += op.work.gflop / ceiling->rate;
    seconds += op.seconds.median;
  }
  return seconds > 0 ? std::optional(least / seconds) : std::nullopt;
}

double stage_seconds(const BenchRun& run, std::string_view name) {
  const auto stage = std::ranges::find(run.stages, name, &StageTime::name);
  return stage == run.stages.end() ? 0 : stage->seconds.median;
}

}  // namespace sapiens::cli

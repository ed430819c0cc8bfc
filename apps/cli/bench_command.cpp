#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <random>
#include <sapiens/features.hpp>

#include "commands.hpp"
#include "messages.hpp"
#include "text.hpp"

namespace sapiens::cli {
namespace {

struct BenchOptions {
  std::string checkpoint;
  ModelOptions model;
  EngineOptions engine;
  int repeat = 5;
};

struct Measurement {
  Grid size;
  Index tokens = 0;
  double gflop = 0;             // of one forward pass
  std::vector<double> seconds;  // sorted

  double median() const { return seconds[seconds.size() / 2]; }
};

constexpr const char* kDefaultArch = "0.3b";

FeatureExtractor load(const BenchOptions& options) {
  if (!options.checkpoint.empty()) {
    return FeatureExtractor(Checkpoint::open(options.checkpoint), options.model, options.engine);
  }
  const std::string arch = options.model.arch.empty() ? kDefaultArch : options.model.arch;
  return FeatureExtractor::random({.arch = arch}, options.engine);
}

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

double peak_memory_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) * 1024;  // Linux counts in kB
}

std::vector<float> random_input(Grid size) {
  std::vector<float> input(static_cast<std::size_t>(3 * size.height * size.width));
  std::mt19937 generator(1);
  std::normal_distribution<float> normal;
  std::generate(input.begin(), input.end(), [&] { return normal(generator); });
  return input;
}

Measurement measure(FeatureExtractor& extractor, const BenchOptions& options) {
  Measurement result;
  result.size = options.model.input_size.value_or(extractor.native_size());
  const OutputShapes shapes = extractor.output_shapes(result.size);
  result.tokens = shapes.raw.at(0);
  result.gflop = forward_gflop(extractor.inspection().model,
                               shapes.featmap.at(1) * shapes.featmap.at(2), result.tokens);
  const std::vector<float> input = random_input(result.size);
  const TensorView<const float, 4> view(input.data(),
                                        {1, 3, result.size.height, result.size.width});
  extractor.run(view);  // warm-up: memory is touched, threads are awake
  for (int i = 0; i < options.repeat; ++i) {
    const auto start = std::chrono::steady_clock::now();
    extractor.run(view);
    result.seconds.push_back(
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  std::sort(result.seconds.begin(), result.seconds.end());
  return result;
}

Json to_json(const Measurement& measured, const ModelInfo& model, const EngineStats& stats) {
  return {
      {"model", {{"arch", model.arch}, {"width", model.width}, {"depth", model.depth}}},
      {"size", {measured.size.height, measured.size.width}},
      {"tokens", measured.tokens},
      {"repeat", measured.seconds.size()},
      {"seconds",
       {{"median", measured.median()},
        {"min", measured.seconds.front()},
        {"max", measured.seconds.back()}}},
      {"images_per_second", 1 / measured.median()},
      {"gflop", measured.gflop},
      {"gflops", measured.gflop / measured.median()},
      {"load_seconds", stats.load_seconds},
      {"memory",
       {{"weights", stats.weight_bytes},
        {"activations", stats.activation_bytes},
        {"peak_rss", static_cast<std::uint64_t>(peak_memory_bytes())}}},
      {"threads", stats.threads},
      {"isa", stats.isa},
      {"precision", stats.precision},
  };
}

std::string text_of(const Measurement& measured, const ModelInfo& model, const EngineStats& stats) {
  std::string text =
      fmt::format("Sapiens {}, width {}, {} blocks, {} on {} threads ({})\n", model.arch,
                  model.width, model.depth, stats.precision, stats.threads, stats.isa);
  text += fmt::format("  input    {}x{}, {} tokens, {:.1f} GFLOP\n", measured.size.height,
                      measured.size.width, measured.tokens, measured.gflop);
  text += fmt::format("  load     {}\n", seconds_text(stats.load_seconds));
  text += fmt::format("  forward  {} median of {}, {} to {}\n", seconds_text(measured.median()),
                      measured.seconds.size(), seconds_text(measured.seconds.front()),
                      seconds_text(measured.seconds.back()));
  text += fmt::format("           {:.3g} images/s, {:.0f} GFLOPS\n", 1 / measured.median(),
                      measured.gflop / measured.median());
  text += fmt::format("  memory   weights {}, activations {}, peak {}\n",
                      bytes_text(stats.weight_bytes), bytes_text(stats.activation_bytes),
                      bytes_text(static_cast<std::uint64_t>(peak_memory_bytes())));
  return text;
}

void run(const BenchOptions& options, Session& session) {
  session.interrupts.set_farewell({}, session.json);
  FeatureExtractor extractor = load(options);
  const Measurement measured = measure(extractor, options);
  const ModelInfo& model = extractor.inspection().model;
  if (session.json) {
    print_json(to_json(measured, model, extractor.stats()));
  } else {
    print(text_of(measured, model, extractor.stats()));
  }
}

}  // namespace

void add_bench_command(CLI::App& app, Session& session) {
  auto options = std::make_shared<BenchOptions>();
  CLI::App* bench = app.add_subcommand("bench", "Measure the encoder on random input");
  bench->add_option("CKPT", options->checkpoint,
                    "Checkpoint file; without one, random weights of --arch");
  bench->add_option("--arch", options->model.arch,
                    fmt::format("Model: 0.3b, 0.6b, 1b, 2b, tiny; without a checkpoint {} unless "
                                "given",
                                kDefaultArch));
  add_size_option(*bench, options->model.input_size,
                  "Size of the input; by default the model's own");
  bench->add_option("--repeat", options->repeat, "Forward passes measured, after one to warm up")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str();
  add_engine_options(*bench, options->engine);
  add_json_flag(*bench, session);
  bench->footer("Example:\n  sapiens bench --arch 0.3b --size 512x384 --repeat 10");
  bench->callback([options, &session] { run(*options, session); });
}

}  // namespace sapiens::cli

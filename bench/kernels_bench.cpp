// The operators of one transformer block at the four published widths and 4097 tokens, on every
// instruction set of this machine.
//
//   kernels_bench --benchmark_filter='avx512/.*/1024/' --threads=2
//
// `GFLOPS` counts 2 operations per multiply-add; `of_peak` is its share of what a loop of
// multiply-adds in registers reached on the same threads just before.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "core/thread_pool.hpp"
#include "core/workspace.hpp"
#include "kernels/peak.hpp"
#include "kernels/select.hpp"
#include "nn/ops.hpp"

namespace sapiens {
namespace {

constexpr Index kTokens = 4097;

struct ModelSize {
  Index width, heads;
};
constexpr ModelSize kSizes[] = {{1024, 16}, {1280, 16}, {1536, 24}, {1920, 32}};

// One instruction set on one pool, with its peak.
struct Setup {
  Setup(std::string_view isa, const ThreadPool& threads)
      : name(isa),
        kernels(select_kernels(CpuFeatures::detect(), isa).table),
        ops(kernels, threads),
        peak_gflops(peak_gops(kernels.peak_f32, threads)) {}

  std::string name;
  KernelTable kernels;
  Ops ops;
  double peak_gflops;
};

struct Numbers {
  Numbers(Index rows, Index columns) : buffer(rows * columns), extents{rows, columns} {
    std::minstd_rand random(1);
    std::uniform_real_distribution<float> uniform(-1, 1);
    for (float& x : buffer.span()) x = uniform(random);
  }
  Matrix matrix() { return Matrix(buffer.data(), extents); }

  AlignedBuffer<float> buffer;
  Matrix::Extents extents;
};

void report(benchmark::State& state, const Setup& setup, Index operations) {
  using benchmark::Counter;
  const double per_run = static_cast<double>(operations) * 1e-9;
  state.counters["GFLOPS"] = Counter(per_run, Counter::kIsIterationInvariantRate);
  state.counters["of_peak"] =
      Counter(per_run / setup.peak_gflops, Counter::kIsIterationInvariantRate);
}

void bench_linear(benchmark::State& state, const Setup& setup, Index in, Index out,
                  Epilogue epilogue) {
  Numbers x(kTokens, in), y(kTokens, out), weight(out, in);
  const LinearWeights packed = setup.ops.pack_linear(weight.matrix(), {});
  Workspace ws(setup.ops.workspace_bytes(kTokens, 1, {in}));
  const auto run = epilogue == Epilogue::Gelu  ? &Ops::linear_gelu
                   : epilogue == Epilogue::Add ? &Ops::linear_add
                                               : &Ops::linear;
  for (auto _ : state) (setup.ops.*run)(x.matrix(), packed, y.matrix(), ws);
  report(state, setup, 2 * kTokens * in * out);
}

void bench_attention(benchmark::State& state, const Setup& setup, ModelSize size) {
  Numbers qkv(kTokens, 3 * size.width), y(kTokens, size.width);
  Workspace ws(setup.ops.workspace_bytes(kTokens, size.width / size.heads, {}));
  for (auto _ : state) setup.ops.attention(qkv.matrix(), size.heads, y.matrix(), ws);
  report(state, setup, 4 * kTokens * kTokens * size.width);
}

void bench_layer_norm(benchmark::State& state, const Setup& setup, Index width) {
  Numbers x(kTokens, width), y(kTokens, width);
  const LayerNormWeights weights{AlignedBuffer<float>(width), AlignedBuffer<float>(width)};
  for (auto _ : state) setup.ops.layer_norm(x.matrix(), weights, y.matrix());
  state.SetBytesProcessed(state.iterations() * kTokens * width * 2 * Index{sizeof(float)});
}

template <class... Args>
void add(const Setup& setup, std::string_view what, Index width, Args&&... args) {
  const std::string name = setup.name + "/" + std::string(what) + "/" + std::to_string(width);
  benchmark::RegisterBenchmark(name.c_str(), std::forward<Args>(args)...)
      ->UseRealTime()
      ->Unit(benchmark::kMillisecond);
}

void add_all(const Setup& setup) {
  for (const ModelSize size : kSizes) {
    const Index C = size.width;
    const auto add_linear = [&](std::string_view what, Index in, Index out, Epilogue epilogue) {
      add(setup, what, C,
          [=, &setup](benchmark::State& state) { bench_linear(state, setup, in, out, epilogue); });
    };
    add_linear("qkv", C, 3 * C, Epilogue::Store);
    add_linear("proj", C, C, Epilogue::Add);
    add_linear("fc1", C, 4 * C, Epilogue::Gelu);
    add_linear("fc2", 4 * C, C, Epilogue::Add);
    add(setup, "attention", C,
        [=, &setup](benchmark::State& state) { bench_attention(state, setup, size); });
    add(setup, "layer_norm", C,
        [=, &setup](benchmark::State& state) { bench_layer_norm(state, setup, C); });
  }
}

// Takes `--threads=N` out of the arguments; 0 is every usable CPU.
int take_threads(int& argc, char** argv) {
  constexpr std::string_view kOption = "--threads=";
  int threads = 0, kept = 1;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument.starts_with(kOption)) {
      threads = std::atoi(argv[i] + kOption.size());
    } else {
      argv[kept++] = argv[i];
    }
  }
  argc = kept;
  return threads;
}

int run(int argc, char** argv) {
  const ThreadPool pool(take_threads(argc, argv));
  std::vector<std::unique_ptr<Setup>> setups;
  for (const std::string_view isa : available_levels(CpuFeatures::detect())) {
    if (isa == "reference") continue;  // hours at these sizes
    const Setup& setup = *setups.emplace_back(std::make_unique<Setup>(isa, pool));
    benchmark::AddCustomContext(setup.name + " peak GFLOPS", std::to_string(setup.peak_gflops));
    add_all(setup);
  }
  benchmark::AddCustomContext("threads", std::to_string(pool.threads()));
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}

}  // namespace
}  // namespace sapiens

int main(int argc, char** argv) { return sapiens::run(argc, argv); }

// Measures the head of each task on the 0.3B encoder at its published input size, in every
// precision, on the best kernels of this machine.
//
//   heads_bench --threads=2 --benchmark_filter=seg/bf16
//
// `GFLOPS` counts the multiply-adds of all convolutions, twice; `of_peak` is its share of what a
// loop of nothing but the same arithmetic reached on the same threads just before. Columns named
// after layers are their milliseconds in the last pass.
#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "kernels/select.hpp"
#include "model/head.hpp"
#include "rows.hpp"

namespace sapiens {
namespace {

constexpr Index kWidth = 1024;
constexpr Grid kPatches{64, 48};

// Fills with numbers between -a and a, no two neighbours equal.
void fill(std::span<float> out, Index first, float a) {
  for (float& x : out) x = a * (static_cast<float>(first++ * 7919 % 2003) / 1001 - 1);
}

Index multiply_adds(const HeadConfig& config) {
  Index pixels = kPatches.patches(), total = 0;
  for (const ConvShape& deconv : config.deconvs) {
    total += pixels * 16 * deconv.in * deconv.out;
    pixels *= 4;
  }
  for (const ConvShape& conv : config.convs) total += pixels * conv.in * conv.out;
  return total + pixels * config.final_in * config.outputs;
}

class MadeUpWeights final : public ParamSource {
 public:
  void read(const std::string& /*key*/, Index first, std::span<float> out) const override {
    fill(out, first, 0.05f);
  }
};

void bench_head(benchmark::State& state, Task task, Precision precision, const KernelTable& kernels,
                const ThreadPool& pool, double peak) {
  const HeadConfig config = published_head(task, kWidth);
  Profile profile;
  Ops ops(kernels, pool, precision);
  ops.set_profile(&profile);
  const LoadedHead loaded = load_head(config, MadeUpWeights(), ops);
  const Head head(config, loaded.weights, ops);

  AlignedBuffer<float> tokens(kPatches.patches() * kWidth);
  fill(tokens.span(), 0, 1);
  const Index pixels = head.output_size(kPatches).patches();
  AlignedBuffer<float> out(pixels * config.outputs);
  const auto forward = [&](Workspace& ws) {
    head.forward({tokens.data(), {kPatches.patches(), kWidth}}, kPatches,
                 {out.data(), {pixels, config.outputs}}, ws);
  };
  Workspace ws(measured_bytes(forward));
  forward(ws);  // touches all memory once
  for (auto _ : state) {
    profile.clear();
    forward(ws);
  }
  report_operations(state, 2 * multiply_adds(config), peak);
  for (const Profile::Entry& entry : profile.entries()) {
    state.counters[std::string(entry.name)] = 1e3 * entry.seconds;
  }
  state.counters["workspace_MB"] = static_cast<double>(ws.capacity()) * 1e-6;
}

int run(int argc, char** argv) {
  const ThreadPool pool(take_threads(argc, argv));
  const CpuFeatures cpu = CpuFeatures::detect();
  const KernelTable kernels = select_kernels(cpu).table;
  const Peaks peaks = measure_peaks(available_levels(cpu).back(), pool);
  for (const Task task : {Task::Pose, Task::Seg, Task::Depth, Task::Normal}) {
    for (const Precision precision : {Precision::Fp32, Precision::Bf16, Precision::Int8}) {
      const std::string name =
          std::string(task_name(task)) + "/" + std::string(precision_name(precision));
      add_row(name, kWidth, [=, &kernels, &pool](benchmark::State& state) {
        bench_head(state, task, precision, kernels, pool, peak_of(peaks, precision));
      });
    }
  }
  return run_rows(argc, argv, pool);
}

}  // namespace
}  // namespace sapiens

int main(int argc, char** argv) { return sapiens::run(argc, argv); }

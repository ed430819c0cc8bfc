#include "cli/bench/passes.hpp"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <fstream>
#include <random>

namespace sapiens::cli {
namespace {

rusage resources() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage;
}

/// Of all threads.
double cpu_seconds(const rusage& usage) {
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

Image made_up_image(Grid size) {
  Image image{.width = size.width, .height = size.height, .rgb = {}};
  image.rgb.resize(static_cast<std::size_t>(3 * size.height * size.width));
  std::minstd_rand generator(1);
  std::generate(image.rgb.begin(), image.rgb.end(),
                [&] { return static_cast<std::uint8_t>(generator() >> 8); });
  return image;
}

/// The times of one pass after the other.
class Passes {
 public:
  void add(const Pass& pass, double cpu) {
    stages_.resize(pass.stages.size());
    for (std::size_t i = 0; i < stages_.size(); ++i) stages_[i].push_back(pass.stages[i]);
    operators_.resize(pass.operators.size());
    for (std::size_t i = 0; i < operators_.size(); ++i) {
      operators_[i].push_back(pass.operators[i].seconds);
    }
    total_.push_back(pass.seconds);
    cpu_.push_back(cpu);
    rest_.push_back(pass.rest);
    last_ = pass.operators;
  }

  void finish(BenchRun& run, std::span<const char* const> stages) const {
    run.seconds = timing_of(total_);
    run.cpu_seconds = timing_of(cpu_);
    run.rest = timing_of(rest_);
    for (std::size_t i = 0; i < stages_.size(); ++i) {
      run.stages.push_back({stages[i], timing_of(stages_[i])});
    }
    for (std::size_t i = 0; i < operators_.size(); ++i) {
      run.operators.push_back({last_[i], timing_of(operators_[i])});
    }
  }

 private:
  std::vector<double> total_, cpu_, rest_;
  std::vector<std::vector<double>> stages_, operators_;
  std::vector<OperatorTime> last_;
};

}  // namespace

Timing timing_of(std::vector<double> seconds) {
  std::sort(seconds.begin(), seconds.end());
  const std::size_t n = seconds.size();
  return {.median = (seconds[(n - 1) / 2] + seconds[n / 2]) / 2,
          .min = seconds.front(),
          .max = seconds.back(),
          .samples = static_cast<int>(n)};
}

double seconds_of(const std::vector<OperatorTime>& operators) {
  double seconds = 0;
  for (const OperatorTime& work : operators) seconds += work.seconds;
  return seconds;
}

void measure_passes(BenchRun& run, int repeat, std::span<const char* const> stages,
                    const std::function<Pass(const Progress&)>& one_pass) {
  const std::string title =
      fmt::format("{}{} on {}", run.task ? fmt::format("{} in ", task_name(*run.task)) : "",
                  run.stats.precision, run.stats.isa);
  Meter meter(title, 1 + repeat, stderr_is_terminal());
  const Stopwatch since_start;
  Passes passes;
  for (int number = 0; number <= repeat; ++number) {
    const rusage before = resources();
    const Pass pass = one_pass([&](double done) {
      if (since_start.seconds() > 2) meter.update(number + done);
    });
    const rusage after = resources();
    run.page_faults = static_cast<std::uint64_t>(after.ru_minflt - before.ru_minflt);
    if (number == 0) continue;  // it touches memory and wakes threads
    passes.add(pass, cpu_seconds(after) - cpu_seconds(before));
  }
  passes.finish(run, stages);
}

void forget_peak_memory() { std::ofstream("/proc/self/clear_refs") << 5; }

std::uint64_t peak_memory() {
  return static_cast<std::uint64_t>(resources().ru_maxrss) * 1024;  // Linux counts in kB
}

Image input_image(const BenchOptions& options, Grid size, BenchRun& run) {
  if (options.image.empty()) return made_up_image(size);
  Image image;
  const Timing decode = timed(options.repeat, [&] { image = Image::read(options.image); });
  run.stages.push_back({"decode", decode});
  return image;
}

}  // namespace sapiens::cli

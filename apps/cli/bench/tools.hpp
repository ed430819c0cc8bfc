#pragma once

#include <cstdint>
#include <sapiens/image.hpp>
#include <sapiens/report.hpp>

#include "cli/bench/measure.hpp"
#include "cli/run/meter.hpp"
#include "core/stopwatch.hpp"

namespace sapiens::cli {

// What both measurements of `sapiens bench` need: of the encoder, and of a whole task.

/// What this process has used so far.
struct Usage {
  double cpu_seconds = 0;  // of all threads
  std::uint64_t page_faults = 0;
};
Usage usage_so_far();

/// So that a run does not report the peak of the one before it; where the system does not let us,
/// it does.
void forget_peak_memory();
std::uint64_t peak_memory();

Image made_up_image(Grid size);

inline Timing once(double seconds) { return {seconds, seconds, seconds, 1}; }

/// Calls `work` `times` times.
template <class Work>
Timing timed(int times, const Work& work) {
  std::vector<double> seconds;
  for (int i = 0; i < times; ++i) {
    const Stopwatch watch;
    work();
    seconds.push_back(watch.seconds());
  }
  return timing_of(std::move(seconds));
}

/// Makes a model by `make(engine)`, with a meter, and notes how long opening and loading took.
template <class Make>
auto load_measured(EngineOptions engine, BenchRun& run, const Make& make) {
  Meter meter("loading weights", 1, stderr_is_terminal());
  const Stopwatch watch;
  engine.loading = [&](double done) {
    // A quick load is over before anybody could read about it.
    if (watch.seconds() > 2) meter.update(done);
  };
  auto model = make(engine);
  const double load_seconds = model.stats().load_seconds;
  run.stages.push_back({"open", once(watch.seconds() - load_seconds)});
  run.stages.push_back({"load", once(load_seconds)});
  return model;
}

}  // namespace sapiens::cli

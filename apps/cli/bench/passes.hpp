#pragma once

#include <cstdint>
#include <functional>
#include <sapiens/image.hpp>
#include <sapiens/report.hpp>
#include <span>
#include <string>
#include <vector>

#include "cli/bench/measure.hpp"
#include "cli/run/jobs.hpp"
#include "cli/run/meter.hpp"
#include "core/stopwatch.hpp"

namespace sapiens::cli {

// What both measurements of `sapiens bench` need: of the encoder, and of a whole task.

/// Measures a task from the image in memory to files of its result. Drawings and files are those of
/// `sapiens seg --viz` and its sisters, in a temporary folder.
void measure_task(const BenchOptions& options, const EngineOptions& engine, BenchRun& run);

Timing timing_of(std::vector<double> seconds);

/// The times of one pass, in seconds.
struct Pass {
  double seconds = 0;
  std::vector<double> stages;
  std::vector<OperatorTime> operators;
  double rest = 0;  // of the stages that the operators belong to, in no operator
};
double seconds_of(const std::vector<OperatorTime>& operators);

/// Runs one pass to warm up and `repeat` more, and adds their times to `run`, with `stages` as the
/// names of those of each pass.
void measure_passes(BenchRun& run, int repeat, std::span<const char* const> stages,
                    const std::function<Pass(const Progress&)>& one_pass);

/// Makes `peak_memory` begin anew, so that a run does not report the peak of the one before it. It
/// has no effect where the system does not allow that.
void forget_peak_memory();
std::uint64_t peak_memory();

/// The image of the command line, whose decoding becomes a stage of `run`, or one of made-up
/// pixels with this size.
Image input_image(const BenchOptions& options, Grid size, BenchRun& run);

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
auto load_measured(const EngineOptions& engine, BenchRun& run, const Make& make) {
  const Stopwatch watch;
  auto model = make(with_load_meter(engine));
  const double load_seconds = model.stats().load_seconds;
  run.stages.push_back({"open", once(watch.seconds() - load_seconds)});
  run.stages.push_back({"load", once(load_seconds)});
  return model;
}

}  // namespace sapiens::cli

#pragma once

#include <cstdint>
#include <optional>
#include <sapiens/features.hpp>
#include <sapiens/machine.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/bench/options.hpp"

namespace sapiens::cli {

/// Repeated measurements of one time, in seconds.
struct Timing {
  double median = 0, min = 0, max = 0;
  int samples = 0;
};
Timing timing_of(std::vector<double> seconds);

struct StageTime {
  std::string name;
  Timing seconds;
};

struct OperatorBench {
  OperatorTime work;  // of one pass
  Timing seconds;
};

/// Everything measured of one model at one level and precision.
struct BenchRun {
  ModelInfo model;
  std::optional<Task> task;  // empty: the encoder alone
  Grid image;                // what a task began with
  Grid size;
  Index batch = 1;
  Index tokens = 0;  // of one image
  double gflop = 0;  // of one forward pass, from the model's formula
  Timing seconds;    // of one pass: forward and output, or a task from image to files
  std::vector<StageTime> stages;
  std::vector<OperatorBench> operators;  // of the forward stage, or of encoder and head
  Timing rest;                           // of these stages, in no operator
  Timing cpu_seconds;                    // of all threads in one pass
  std::uint64_t page_faults = 0;         // in the last pass
  std::uint64_t peak_memory = 0;
  EngineStats stats;
  std::optional<MachineCeilings> ceilings;
};

/// Loads the model as `engine` says and measures it. Progress goes to standard error.
BenchRun measure_run(const BenchOptions& options, const EngineOptions& engine,
                     const std::optional<MachineCeilings>& ceilings);

/// What a kernel could reach at most.
struct Ceiling {
  std::string name;  // "fp32", "bf16", "int8", "memory"
  double rate = 0;   // 1e9 operations or bytes per second
};

/// Nothing where it was not measured.
std::optional<Ceiling> ceiling_of(const OperatorTime& work,
                                  const std::optional<MachineCeilings>& ceilings);

/// 1e9 operations or bytes per second.
double rate_of(const OperatorBench& measured);

/// How many cores computed during a pass. Well below the number of threads on a quiet machine means
/// waiting; on a busy one, that others had them.
double busy_cores(const BenchRun& run);

/// What the threads would reach if nobody else ever had their cores.
double gflops_by_cpu_time(const BenchRun& run);

/// The share of the ceilings that the whole forward pass reaches: how long its arithmetic would
/// take at them, by how long it took. Nothing where a ceiling is not known.
std::optional<double> ceiling_share(const BenchRun& run);

/// The linear layers of a transformer block, and those of a head.
inline constexpr std::string_view kEncoderLinears[] = {"qkv", "proj", "fc1", "fc2"};
inline constexpr std::string_view kHeadLinears[] = {"deconv", "conv", "final"};

/// The same for some operators alone.
std::optional<double> linears_share(const BenchRun& run, std::span<const std::string_view> names);

/// The median of a stage; 0 for one that the run does not have.
double stage_seconds(const BenchRun& run, std::string_view name);

}  // namespace sapiens::cli

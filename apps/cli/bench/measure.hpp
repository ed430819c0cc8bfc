#pragma once

#include <cstdint>
#include <optional>
#include <sapiens/features.hpp>
#include <span>
#include <string>
#include <vector>

#include "cli/terminal/messages.hpp"

namespace sapiens::cli {

/// What `sapiens bench` measures.
struct BenchOptions {
  std::string checkpoint;    // empty: random weights
  ModelOptions model;        // its input_size is --size
  EngineOptions engine;      // without isa and precision
  std::optional<Task> task;  // one with a head; empty: the encoder alone
  std::string image;         // empty: made-up numbers
  std::optional<Grid> image_size;
  Index batch = 1;
  int repeat = 5;
};

/// The size of the image that a task begins with unless the command line gives one.
inline constexpr Grid kDefaultImageSize{1080, 1920};

inline constexpr const char* kDefaultArch = "0.3b";

/// The model whose weights are made up where no checkpoint is given.
std::string arch_of(const BenchOptions& options);

/// Repeated measurements of one time, in seconds.
struct Timing {
  double median = 0, min = 0, max = 0;
  int samples = 0;
};

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
  double gflop = 0;  // of one pass, the sum of its operators
  Timing seconds;    // of one pass: forward and output, or a task from image to files
  std::vector<StageTime> stages;
  std::vector<OperatorBench> operators;  // of the forward stage, or of encoder and head
  Timing rest;                           // of these stages, in no operator
  Timing cpu_seconds;                    // of all threads in one pass
  std::uint64_t page_faults = 0;         // in the last pass
  std::uint64_t peak_memory = 0;
  EngineStats stats;
};

/// Loads the model as `engine` says and measures it. Progress goes to standard error.
BenchRun measure_run(const BenchOptions& options, const EngineOptions& engine);

/// What one run says, for people.
std::string bench_text(const BenchRun& run);

/// One row per run, and how fast each is beside the first.
std::string runs_table(std::span<const BenchRun> runs);

/// One run as a document; several as {"runs": [...]}.
Json bench_json(std::span<const BenchRun> runs);

}  // namespace sapiens::cli

#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <sapiens/features.hpp>
#include <string>
#include <vector>

namespace sapiens::cli {

/// The command line of `sapiens bench`.
struct BenchOptions {
  std::string checkpoint;  // empty: random weights
  ModelOptions model;      // its input_size is --size
  EngineOptions engine;    // without isa and precision
  std::string isa;         // a level, kAll, or empty for the engine's own choice
  std::string precision;
  std::optional<Task> task;  // with a head; empty: the encoder alone
  std::string image;
  std::optional<Grid> image_size;  // --image-size
  Index batch = 1;
  int repeat = 5;
  bool ceilings = true;
  std::string output;
  std::vector<std::string> compare;
};

/// What a task begins with unless the command line says otherwise.
inline constexpr Grid kDefaultImageSize{1080, 1920};

/// As a level or a precision: each of them.
inline constexpr const char* kAll = "all";

void add_bench_options(CLI::App& bench, BenchOptions& options);

/// The model whose weights are made up where no checkpoint is given.
std::string arch_of(const BenchOptions& options);

/// What to run, best level first. `skipped` says whether `reference` was left out of "all" because
/// it would take hours for this model.
struct BenchPlan {
  std::vector<EngineOptions> runs = {};
  bool skipped_reference = false;
};
BenchPlan plan_runs(const BenchOptions& options);

}  // namespace sapiens::cli

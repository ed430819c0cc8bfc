#pragma once

#include <sapiens/features.hpp>
#include <string>
#include <vector>

#include "cli/options/options.hpp"

namespace sapiens::cli {

/// What a user gave to a command that works through images.
struct JobOptions {
  std::string checkpoint;
  std::vector<std::string> inputs;
  std::string output;
  bool recursive = false;
  bool resume = false;
  bool viz = false;
  ModelOptions model;  ///< Its input_size is --size.
  EngineOptions engine;
};

/// CKPT.
void add_checkpoint_argument(CLI::App& app, JobOptions& options);
/// INPUT, --output, --recursive, --resume, and --viz where `viz_help` says what it draws.
void add_job_options(CLI::App& app, JobOptions& options, const std::string& inputs_help,
                     const std::string& viz_help = {});
/// --preprocess with the words of `lite_help` for what lite does, and --batch.
void add_batch_options(CLI::App& app, PreprocessMode& preprocess, Index& batch,
                       const std::string& lite_help, const std::string& batch_help);
/// --size, --threads and so on.
void add_network_options(CLI::App& app, JobOptions& options);
/// --arch and so on, --patch-padding: what a user knows better than the weights of one checkpoint.
void add_checkpoint_options(CLI::App& app, JobOptions& options);

}  // namespace sapiens::cli

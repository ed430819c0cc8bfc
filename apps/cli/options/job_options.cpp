#include "cli/options/job_options.hpp"

namespace sapiens::cli {

void add_checkpoint_argument(CLI::App& app, JobOptions& options) {
  takes_checkpoint(app.add_option("CKPT", options.checkpoint, kCheckpointHelp))->required();
}

void add_job_options(CLI::App& app, JobOptions& options, const std::string& inputs_help,
                     const std::string& viz_help) {
  app.add_option("INPUT", options.inputs, inputs_help)->required()->type_name(kInputType);
  app.add_flag("-r,--recursive", options.recursive, "Also search folders inside folders");
  app.add_option("-o,--output", options.output, "Folder for the results")
      ->required()
      ->type_name(kFolderType);
  app.add_flag("--resume", options.resume, "Keep what an interrupted run has finished");
  if (!viz_help.empty()) app.add_flag("--viz", options.viz, viz_help);
}

void add_batch_options(CLI::App& app, PreprocessMode& preprocess, Index& batch,
                       const std::string& lite_help, const std::string& batch_help) {
  add_choice<PreprocessMode>(app, "--preprocess", preprocess,
                             {{"full", PreprocessMode::Full}, {"lite", PreprocessMode::Lite}},
                             "full: as in training; lite: " + lite_help);
  app.add_option("--batch", batch, batch_help)
      ->check(CLI::Range(Index{1}, Index{4096}))
      ->capture_default_str();
}

void add_network_options(CLI::App& app, JobOptions& options) {
  add_size_option(app, options.model.input_size,
                  "Size the images are resized to; by default the model's own");
  add_engine_options(app, options.engine);
}

void add_checkpoint_options(CLI::App& app, JobOptions& options) {
  add_model_options(app, options.model);
  app.add_option("--patch-padding", options.model.patch_padding,
                 "Padding of the patch embedding, 0 or 2; by default the task decides")
      ->check(CLI::IsMember({0, 2}));
}

}  // namespace sapiens::cli

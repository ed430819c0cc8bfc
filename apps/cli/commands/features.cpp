#include "cli/run/features.hpp"

#include <fmt/format.h>

#include <memory>
#include <sapiens/features.hpp>

#include "cli/commands/commands.hpp"
#include "cli/run/jobs.hpp"
#include "cli/terminal/messages.hpp"

namespace sapiens::cli {
namespace {

namespace fs = std::filesystem;

bool has_map(OutType type) { return type == OutType::Featmap || type == OutType::Raw; }

fs::path with_suffix(fs::path stem, const std::string& suffix) { return stem += suffix; }

std::vector<Job> make_jobs(const FeatureArguments& options, const std::vector<InputFile>& files,
                           const std::vector<Index>& layers, bool partial) {
  const bool viz = options.viz && has_map(options.features.out_type);
  if (options.viz && !viz) say("--viz needs --out-type featmap or raw: no images are drawn");
  std::vector<Job> jobs = plan_names(files);
  for (Job& job : jobs) {
    const fs::path stem =
        with_suffix(fs::path(options.output) / job.name, partial ? ".partial" : "");
    for (const Index layer : layers) {
      const std::string suffix =
          layers.size() > 1 ? fmt::format(".layer{:02}.npy", layer) : std::string(".npy");
      job.files.push_back({with_suffix(stem, suffix), {{"layer", layer}}});
    }
    if (viz && !is_array(job.input.path)) job.images = {with_suffix(stem, ".png")};
  }
  return jobs;
}

Json settings_of(const FeatureArguments& options, const Encoder& encoder,
                 const std::vector<Index>& layers) {
  Json settings = common_settings(options.checkpoint, options.model.input_size,
                                  encoder.inspection(), encoder.stats());
  settings["partial"] = encoder.partial();
  settings["out_type"] = out_type_name(options.features.out_type);
  settings["layers"] = layers;
  settings["norm"] = options.features.norm_layers;
  settings["preprocess"] = options.preprocess == PreprocessMode::Full ? "full" : "lite";
  settings["dtype"] = dtype_name(options.dtype);
  return settings;
}

void run(const FeatureArguments& options, Session& session) {
  const Inputs inputs = find_inputs(options, {.arrays = true});
  prepare_output_folder(options.output);

  Encoder encoder(Checkpoint::open(options.checkpoint), options.model,
                  with_load_meter(options.engine));
  say(checkpoint_text(options.checkpoint, encoder.inspection()));
  if (encoder.partial()) {
    say("warning: parameters without a value count as zero; every output is marked as partial");
  }
  encoder.expect_out_type(options.features.out_type);
  encoder.expect_preprocess(options.preprocess);
  const std::vector<Index> layers = encoder.resolve_layers(options.features.layers);
  const JobPlan plan = plan_jobs(options, "features", settings_of(options, encoder, layers), inputs,
                                 make_jobs(options, inputs.files, layers, encoder.partial()));
  start_plan(plan, session);

  const Stopwatch watch;
  Meter meter("features", std::ssize(plan.jobs), stderr_is_terminal());
  const std::vector<JobResult> results = run_jobs(feature_steps(encoder, options), plan.jobs,
                                                  options.batch, {session.interrupts, meter});
  report({.plan = plan,
          .what = std::string(out_type_name(options.features.out_type)),
          .type = std::string(dtype_name(options.dtype)),
          .results = results,
          .stats = encoder.stats(),
          .seconds = watch.seconds()},
         session);
}

void add_output_options(CLI::App& app, FeatureArguments& options) {
  add_choice<OutType>(app, "--out-type", options.features.out_type, out_types(),
                      "featmap: [C, gh, gw]; raw: [tokens, C]; cls_token, avg_featmap: [C]; "
                      "registers (Sapiens2): [R, C]");
  add_layers_option(app, options.features.layers);
  app.add_flag("--norm", options.features.norm_layers,
               "Pass every layer through the final norm, not just the last");
  add_choice<DType>(app, "--dtype", options.dtype, {{"f32", DType::F32}, {"f16", DType::F16}},
                    "Type of the numbers written");
}

void add_compute_options(CLI::App& app, FeatureArguments& options) {
  add_batch_options(app, options.preprocess, options.batch,
                    "as Sapiens's lite scripts; not for Sapiens2",
                    "Images of one size per forward pass");
  add_network_options(app, options);
  add_checkpoint_options(app, options);
  app.add_flag("--allow-partial", options.model.allow_partial,
               "Compute with zeros in place of missing parameters, and mark every output");
}

}  // namespace

void add_features_command(CLI::App& app, Session& session) {
  auto options = std::make_shared<FeatureArguments>();
  CLI::App* features = app.add_subcommand("features", "Compute features of images, as .npy");
  add_checkpoint_argument(*features, *options);
  add_job_options(*features, *options,
                  "Images, .npy arrays [3, H, W] or [N, 3, H, W] that are preprocessed already, "
                  "folders, .txt lists, or - for a list on standard input",
                  "Also draw the features over each image, as .png");
  add_output_options(*features, *options);
  add_compute_options(*features, *options);
  add_json_flag(*features, session);
  features->footer(
      "Example:\n  sapiens features sapiens_0.3b_epoch_1600_clean.pth photos/ --output out --viz");
  features->callback([options, &session] { run(*options, session); });
}

}  // namespace sapiens::cli

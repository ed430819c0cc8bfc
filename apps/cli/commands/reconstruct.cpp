#include <fmt/format.h>

#include <cmath>
#include <memory>
#include <sapiens/reconstruct.hpp>

#include "cli/commands/commands.hpp"
#include "cli/options/number_range.hpp"
#include "cli/run/jobs.hpp"
#include "cli/run/jobs_summary.hpp"
#include "cli/run/meter.hpp"
#include "cli/run/outputs.hpp"
#include "cli/run/reconstruct_run.hpp"
#include "cli/run/stopwatch.hpp"
#include "cli/terminal/messages.hpp"
#include "cli/terminal/text.hpp"

namespace sapiens::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kReconstructCommand = "reconstruct";

struct ReconstructArguments : JobOptions {
  double mask_ratio = ReconstructOptions{}.mask_ratio;
  std::uint64_t seed = ReconstructOptions{}.seed;
};

std::vector<Job> make_jobs(const ReconstructArguments& options,
                           const std::vector<InputFile>& files) {
  std::vector<Job> jobs = plan_names(files);
  for (Job& job : jobs) {
    fs::path file = fs::path(options.output) / job.name;
    job.files.push_back({.path = file += ".png"});
  }
  return jobs;
}

Json settings_of(const ReconstructArguments& options, const Reconstructor& reconstructor) {
  Json settings = common_settings(options.checkpoint, options.model.input_size,
                                  reconstructor.inspection(), reconstructor.stats());
  settings["mask_ratio"] = options.mask_ratio;
  settings["seed"] = options.seed;
  return settings;
}

/// Means over the images of this run; nothing where nothing was hidden, or done.
Findings findings(std::span<const JobResult> results) {
  double masked = 0, mean = 0, count = 0;
  for (const JobResult& result : results) {
    if (result.error) continue;
    masked += result.details.at("masked_error").get<double>();
    mean += result.details.at("mean_error").get<double>();
    ++count;
  }
  masked /= count;
  mean /= count;
  if (std::isnan(masked) || std::isnan(mean)) return {};
  Findings found{.line = fmt::format("masked error {:.4f}; predicting each patch's mean: {:.4f}",
                                     masked, mean),
                 .totals = {{"masked_error", masked}, {"mean_error", mean}}};
  if (mean > 0) {
    const double below = 100 * (1 - masked / mean);
    found.line += fmt::format(", {:.0f} % {}", std::abs(below), below >= 0 ? "below" : "above");
  }
  return found;
}

void run(const ReconstructArguments& options, Session& session) {
  const Inputs inputs = find_inputs(options, InputKinds::Images);
  prepare_output_folder(options.output);

  Reconstructor reconstructor(Checkpoint::open(options.checkpoint), options.model,
                              with_load_meter(options.engine));
  say(checkpoint_text(options.checkpoint, reconstructor.inspection()));
  const JobPlan plan = plan_jobs(options, kReconstructCommand, settings_of(options, reconstructor),
                                 inputs, make_jobs(options, inputs.files));
  start_plan(plan);

  session.interrupts.set_exit_message(kResumeHint, session.json);
  const Stopwatch watch;
  Meter meter(kReconstructCommand, std::ssize(plan.jobs), stderr_is_terminal());
  const ReconstructContext context{reconstructor, options.mask_ratio, options.seed,
                                   session.interrupts, meter};
  const std::vector<JobResult> results = run_reconstructions(context, plan.jobs);
  report({.options = options,
          .plan = plan,
          .what = "masked | reconstruction | original",
          .type = "",
          .results = results,
          .inputs = inputs,
          .stats = reconstructor.stats(),
          .seconds = watch.seconds(),
          .findings = findings(results)},
         session);
}

void add_masking_options(CLI::App& app, ReconstructArguments& options) {
  app.add_option("--mask-ratio", options.mask_ratio, "Share of the patches that is hidden")
      ->check(number_between(0.0, 1.0))
      ->capture_default_str();
  app.add_option("--seed", options.seed, "Decides which patches, the same ones in every image")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
}

}  // namespace

void add_reconstruct_command(CLI::App& app, Session& session) {
  auto options = std::make_shared<ReconstructArguments>();
  CLI::App* reconstruct = app.add_subcommand(
      kReconstructCommand,
      "Hide patches of images and draw what the masked autoencoder puts there, as .png");
  add_checkpoint_argument(*reconstruct, *options);
  add_job_options(*reconstruct, *options,
                  "Images, folders, .txt lists, or - for a list on standard input");
  add_masking_options(*reconstruct, *options);
  add_engine_options(*reconstruct, options->engine);
  add_model_options(*reconstruct, options->model);
  reconstruct
      ->add_option("--decoder-heads", options->model.decoder_heads,
                   "Attention heads of the decoder, for widths that were never published")
      ->check(CLI::Range(Index{1}, Index{1024}));
  add_json_flag(*reconstruct, session);
  reconstruct->footer(
      "photo.jpg becomes photo.png: what the network saw, what it makes of that, the original.\n"
      "The checkpoint needs the decoder, which files named *_clean.pth do not have.\n"
      "Example:\n"
      "  sapiens reconstruct sapiens_0.3b_epoch_1600.pth photos/ --output out --mask-ratio 0.75");
  reconstruct->callback([options, &session] { run(*options, session); });
}

}  // namespace sapiens::cli

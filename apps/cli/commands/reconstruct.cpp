#include <fmt/format.h>

#include <cmath>
#include <memory>
#include <sapiens/draw.hpp>
#include <sapiens/reconstruct.hpp>

#include "cli/commands/commands.hpp"
#include "cli/input/archive_inputs.hpp"
#include "cli/run/jobs.hpp"
#include "cli/run/runner.hpp"
#include "cli/run/used_files.hpp"
#include "cli/terminal/messages.hpp"

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

Json settings_of(const ReconstructArguments& options, const UsedFiles& files,
                 const Reconstructor& reconstructor) {
  Json settings = common_settings(files.json(options.checkpoint), options.model.input_size,
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

/// One image on its way through the masked autoencoder.
struct ReconstructItem : RunItem {
  Reconstruction found = {};
};

ReconstructItem read_original(const Job& job, InputReader& reader) {
  ReconstructItem item;
  const Stopwatch watch;
  item.image = reader.read(job.input);
  item.seconds.decode = watch.seconds();
  return item;
}

void reconstruct_items(Reconstructor& reconstructor, const ReconstructArguments& options,
                       std::span<ReconstructItem> items, const Progress& progress) {
  for (ReconstructItem* item : without_error(items)) {
    guarded<ReconstructItem>({item}, [&] {
      item->found = reconstructor.run(
          item->image,
          {.mask_ratio = options.mask_ratio, .seed = options.seed, .progress = progress});
      item->seconds.add_share(item->found.stats.stages, 1);
    });
    item->image = {};
  }
}

void write_drawing(const Job& job, const ReconstructItem& item, JobResult& result) {
  const Image drawing = draw_reconstruction(item.found);
  create_parent(job.files.front().path);
  drawing.write_png(job.files.front().path);
  result.shape = {drawing.height, drawing.width, 3};
  result.details = {{"masked_error", item.found.masked_error},
                    {"mean_error", item.found.mean_error}};
}

Json stage_names_json(const StageSeconds& seconds) {
  return {{"decode", seconds.decode},   {"preprocess", seconds.preprocess},
          {"encoder", seconds.encoder}, {"decoder", seconds.head},
          {"post", seconds.post},       {"write", seconds.write}};
}

void run(const ReconstructArguments& options, Session& session) {
  const Inputs inputs = find_inputs(options, {.archives = true});
  prepare_output_folder(options.output);

  const UsedFiles files({options.checkpoint});
  Reconstructor reconstructor(Checkpoint::open(options.checkpoint), options.model,
                              with_load_meter(options.engine));
  files.require_unchanged();
  say(checkpoint_text(options.checkpoint, reconstructor.inspection()));
  const JobPlan plan =
      plan_jobs(options, kReconstructCommand, settings_of(options, files, reconstructor), files,
                inputs, make_jobs(options, inputs.files));
  start_plan(plan, session);

  const Stopwatch watch;
  Meter meter(kReconstructCommand, std::ssize(plan.jobs), stderr_is_terminal());
  InputReader reader;
  const JobSteps<ReconstructItem> steps{
      .load = [&](const Job& job) { return read_original(job, reader); },
      .compute =
          [&](auto items, const auto& progress) {
            reconstruct_items(reconstructor, options, items, progress);
          },
      .write = write_drawing,
      .stages = stage_names_json};
  const std::vector<JobResult> results = run_jobs(steps, plan.jobs, 1, {session.interrupts, meter});
  report({.plan = plan,
          .what = "masked | reconstruction | original",
          .type = "",
          .results = results,
          .stats = reconstructor.stats(),
          .seconds = watch.seconds(),
          .findings = findings(results)},
         session);
}

void add_masking_options(CLI::App& app, ReconstructArguments& options) {
  add_number(app, "--mask-ratio", options.mask_ratio, {0.0, 1.0},
             "Share of the patches that is hidden");
  app.add_option("--seed", options.seed, "Decides which patches, the same ones in every image")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
}

}  // namespace

void add_reconstruct_command(CLI::App& app, Session& session) {
  auto options = std::make_shared<ReconstructArguments>();
  CLI::App* reconstruct = app.add_subcommand(
      kReconstructCommand,
      "Hide patches of images and predict them with the masked autoencoder, as .png");
  add_checkpoint_argument(*reconstruct, *options);
  add_job_options(
      *reconstruct, *options,
      "Images, folders, tar or zip archives, .txt lists, or - for a list on standard input");
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

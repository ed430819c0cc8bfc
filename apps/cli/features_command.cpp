#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <iostream>
#include <memory>
#include <sapiens/features.hpp>

#include "commands.hpp"
#include "exit_codes.hpp"
#include "feature_run.hpp"
#include "features_options.hpp"
#include "features_summary.hpp"
#include "inputs.hpp"
#include "manifest.hpp"
#include "messages.hpp"
#include "meter.hpp"
#include "outputs.hpp"
#include "text.hpp"

namespace sapiens::cli {
namespace {

namespace fs = std::filesystem;

Inputs find_inputs(const FeaturesOptions& options) {
  Inputs inputs = collect_inputs(
      options.inputs, {.recursive = options.recursive, .output = options.output}, std::cin);
  for (const FailedInput& failed : inputs.failed) {
    say(fmt::format("failed: {}\n  {}", failed.path, failed.error.what()));
  }
  if (inputs.files.empty() && !inputs.failed.empty()) {
    throw Error(ErrorCode::NotFound, {.summary = "none of the inputs can be read",
                                      .file = inputs.failed.front().path,
                                      .actual = inputs.failed.front().error.detail().actual,
                                      .hint = "check the spelling, and the folder you are in"});
  }
  if (inputs.files.empty()) {
    throw Error(ErrorCode::InvalidArgument,
                {.summary = "there is no picture among the inputs",
                 .file = options.inputs.front(),
                 .hint = "pictures are .jpg, .jpeg, .png and .webp, arrays .npy; -r also searches "
                         "the folders inside a folder"});
  }
  return inputs;
}

bool has_map(OutType type) { return type == OutType::Featmap || type == OutType::Raw; }

fs::path with_suffix(fs::path stem, const std::string& suffix) { return stem += suffix; }

std::vector<Job> plan_jobs(const FeaturesOptions& options, const std::vector<InputFile>& files,
                           const std::vector<Index>& layers, bool partial) {
  const std::vector<OutputName> names = plan_outputs(files);
  const bool viz = options.viz && has_map(options.request.out_type);
  if (options.viz && !viz) say("--viz needs --out-type featmap or raw: no pictures are drawn");
  std::vector<Job> jobs;
  std::vector<fs::path> outputs;
  for (std::size_t i = 0; i < files.size(); ++i) {
    const fs::path stem =
        with_suffix(fs::path(options.output) / names[i].stem, partial ? ".partial" : "");
    Job job{.input = files[i]};
    for (const Index layer : layers) {
      job.arrays.push_back(with_suffix(
          stem, layers.size() > 1 ? fmt::format(".layer{:02}.npy", layer) : std::string(".npy")));
    }
    if (viz && !is_array(files[i].path)) job.picture = with_suffix(stem, ".png");
    if (names[i].distinguished) {
      say(fmt::format("{} is written as {}: another input has the same name",
                      files[i].path.string(), job.arrays.front().filename().string()));
    }
    outputs.insert(outputs.end(), job.arrays.begin(), job.arrays.end());
    if (!job.picture.empty()) outputs.push_back(job.picture);
    jobs.push_back(std::move(job));
  }
  expect_no_input_among(outputs, files);
  return jobs;
}

/// What this run will do, and what an earlier one did.
struct Plan {
  std::vector<Index> layers;
  std::vector<Job> jobs;
  std::vector<Job> finished;
  Manifest manifest;
};

std::string manifest_key(const Job& job, const FeaturesOptions& options) {
  return job.arrays.front().lexically_relative(options.output).string();
}

/// True for a file made after `input` was last changed.
bool is_newer(const fs::path& file, const fs::path& input) {
  std::error_code no_file, no_input;
  const auto made = fs::last_write_time(file, no_file);
  const auto changed = fs::last_write_time(input, no_input);
  return !no_file && !no_input && made >= changed;
}

/// Files appear whole or not at all, so one that exists is finished.
bool is_finished(const Job& job, const std::string& key, const Manifest& earlier) {
  const auto before = earlier.inputs.find(key);
  if (before == earlier.inputs.end() || before->second != absolute_text(job.input.path)) {
    return false;
  }
  const auto is_made = [&](const fs::path& file) { return is_newer(file, job.input.path); };
  return std::all_of(job.arrays.begin(), job.arrays.end(), is_made) &&
         (job.picture.empty() || is_made(job.picture));
}

void expect_class_token(const FeaturesOptions& options, const ModelInfo& model) {
  if (options.request.out_type != OutType::ClsToken || model.cls_token) return;
  throw Error(ErrorCode::InvalidArgument, {.summary = "this model has no class token",
                                           .key = "--out-type",
                                           .expected = "featmap, raw or avg_featmap",
                                           .actual = "cls_token",
                                           .hint = "only pretrained encoders have one"});
}

Plan make_plan(const FeaturesOptions& options, const FeatureExtractor& extractor,
               const std::vector<InputFile>& files) {
  expect_class_token(options, extractor.inspection().model);
  Plan plan;
  plan.layers = extractor.resolve_layers(options.request.layers);
  plan.manifest.settings = manifest_settings(options, extractor, plan.layers);
  std::vector<Job> jobs = plan_jobs(options, files, plan.layers, extractor.partial());

  const Manifest earlier = options.resume ? read_manifest(options.output) : Manifest{};
  if (!earlier.settings.is_null()) {
    expect_same_settings(earlier.settings, plan.manifest.settings, options.output);
  }
  plan.manifest.inputs = earlier.inputs;
  for (Job& job : jobs) {
    const std::string key = manifest_key(job, options);
    std::vector<Job>& list = is_finished(job, key, earlier) ? plan.finished : plan.jobs;
    plan.manifest.inputs[key] = absolute_text(job.input.path);
    list.push_back(std::move(job));
  }
  return plan;
}

/// Files of an earlier run must not pass for results of this one if this one is interrupted.
void remove_stale_outputs(const std::vector<Job>& jobs) {
  std::error_code ignored;
  for (const Job& job : jobs) {
    for (const fs::path& array : job.arrays) fs::remove(array, ignored);
    if (!job.picture.empty()) fs::remove(job.picture, ignored);
  }
}

void announce(const FeaturesOptions& options, const FeatureExtractor& extractor) {
  const Inspection& inspection = extractor.inspection();
  say(fmt::format("{}: {}, {} ({} of {} parameters)", options.checkpoint,
                  model_text(inspection.model), verdict_name(inspection.report.verdict),
                  inspection.report.bound, inspection.report.required));
  if (extractor.partial()) {
    say("warning: parameters without a value count as zero; every output is marked as partial");
  }
}

FeatureExtractor load(const Checkpoint& checkpoint, const FeaturesOptions& options) {
  Meter meter("loading weights", 1, stderr_is_terminal());
  const auto start = std::chrono::steady_clock::now();
  EngineOptions engine = options.engine;
  engine.loading = [&](double done) {
    // A quick load is over before anybody could read about it.
    if (std::chrono::steady_clock::now() - start > std::chrono::seconds(2)) {
      meter.update(done);
    }
  };
  return FeatureExtractor(checkpoint, options.model, engine);
}

std::vector<JobResult> run_plan(const Plan& plan, const FeaturesOptions& options,
                                FeatureExtractor& extractor, Interrupts& interrupts) {
  Meter meter("features", static_cast<Index>(plan.jobs.size()), stderr_is_terminal());
  return run_jobs({extractor, options, interrupts, meter}, plan.jobs);
}

void run(const FeaturesOptions& options, Session& session) {
  const Inputs inputs = find_inputs(options);
  prepare_output_folder(options.output);

  FeatureExtractor extractor = load(Checkpoint::open(options.checkpoint), options);
  announce(options, extractor);
  const Plan plan = make_plan(options, extractor, inputs.files);
  remove_stale_outputs(plan.jobs);
  write_manifest(options.output, plan.manifest);

  session.interrupts.set_farewell(
      "what is written is complete; the same command with --resume goes on", session.json);
  const auto start = std::chrono::steady_clock::now();
  const std::vector<JobResult> results = run_plan(plan, options, extractor, session.interrupts);
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();

  const FeaturesSummary summary{.options = options,
                                .manifest = plan.manifest,
                                .layers = plan.layers,
                                .jobs = plan.jobs,
                                .results = results,
                                .finished_before = plan.finished,
                                .not_found = inputs.failed,
                                .stats = extractor.stats(),
                                .seconds = seconds};
  if (session.json) {
    print_json(summary.json());
  } else {
    print(summary.text());
  }
  session.exit_code = summary.failures() > 0 ? kSomeFailed : kDone;
}

void add_output_options(CLI::App& app, FeaturesOptions& options) {
  app.add_option("-o,--output", options.output, "Folder for the results")->required();
  add_choice<OutType>(app, "--out-type", options.request.out_type,
                      {{"featmap", OutType::Featmap},
                       {"raw", OutType::Raw},
                       {"cls_token", OutType::ClsToken},
                       {"avg_featmap", OutType::AvgFeatmap}},
                      "featmap: [C, gh, gw]; raw: [tokens, C]; cls_token, avg_featmap: [C]");
  add_layers_option(app, options.request.layers);
  app.add_flag("--norm", options.request.norm_layers,
               "Pass every layer through the final norm, not just the last");
  add_choice<DType>(app, "--dtype", options.dtype, {{"f32", DType::F32}, {"f16", DType::F16}},
                    "Type of the numbers written");
  app.add_flag("--resume", options.resume, "Keep what an interrupted run has finished");
  app.add_flag("--viz", options.viz, "Also draw the features over each picture, as .png");
}

void add_compute_options(CLI::App& app, FeaturesOptions& options) {
  add_size_option(app, options.model.input_size,
                  "Size the pictures are resized to; by default the model's own");
  add_choice<PreprocessMode>(app, "--preprocess", options.preprocess,
                             {{"full", PreprocessMode::Full}, {"lite", PreprocessMode::Lite}},
                             "full: as in training; lite: as the original's lite scripts");
  app.add_option("--batch", options.batch, "Pictures of one size per forward pass")
      ->check(CLI::Range(Index{1}, Index{4096}))
      ->capture_default_str();
  add_engine_options(app, options.engine);
  add_model_options(app, options.model);
  app.add_option("--patch-padding", options.model.patch_padding,
                 "Padding of the patch embedding, 0 or 2; by default the task decides")
      ->check(CLI::IsMember({0, 2}));
  app.add_flag("--allow-partial", options.model.allow_partial,
               "Compute with zeros in place of missing parameters, and mark every output");
}

}  // namespace

void add_features_command(CLI::App& app, Session& session) {
  auto options = std::make_shared<FeaturesOptions>();
  CLI::App* features =
      app.add_subcommand("features", "Write what the encoder sees in pictures, as .npy");
  features->add_option("CKPT", options->checkpoint, "Checkpoint file")->required();
  features
      ->add_option("INPUT", options->inputs,
                   "Pictures, .npy arrays [3, H, W] or [N, 3, H, W] that are preprocessed already, "
                   "folders, .txt lists, or - for a list on standard input")
      ->required();
  features->add_flag("-r,--recursive", options->recursive, "Also search folders inside folders");
  add_output_options(*features, *options);
  add_compute_options(*features, *options);
  add_json_flag(*features, session);
  features->footer(
      "Example:\n  sapiens features sapiens_0.3b_epoch_1600_clean.pth photos/ --output out --viz");
  features->callback([options, &session] { run(*options, session); });
}

}  // namespace sapiens::cli

#include "cli/run/features.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <sapiens/archive.hpp>
#include <sapiens/features.hpp>
#include <sapiens/printable.hpp>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/commands/commands.hpp"
#include "cli/dataset/dataset_run.hpp"
#include "cli/options/feature_options.hpp"
#include "cli/run/feature_videos.hpp"
#include "cli/run/jobs.hpp"
#include "cli/run/used_files.hpp"
#include "cli/run/video_source.hpp"
#include "cli/terminal/messages.hpp"

namespace sapiens::cli {
namespace {

std::vector<std::string_view> names_of(std::span<const OutType> types) {
  std::vector<std::string_view> names;
  for (const OutType type : types) names.push_back(out_type_name(type));
  return names;
}

std::vector<Job> make_jobs(const FeatureArguments& options, const std::vector<InputFile>& files,
                           std::span<const FeatureName> names, const FeaturePooling& pooling,
                           const NpyFeatureFiles& sink) {
  const bool viz = draws_features(options);
  if (options.viz && !viz) say("--viz needs --out-type featmap or raw: no images are drawn");
  std::vector<Job> jobs = plan_names(files);
  for (Job& job : jobs) {
    if (job.input.video) {
      job.files = {{feature_video_document(options, job.name), {{"holds", "what frames are"}}}};
      job.frames = feature_frames(sink.files_of(job.name / "0", names, options.dtype),
                                  sink.image_of(job.name / "0"), viz);
      if (viz) job.options = "viz";
    } else {
      job.files = sink.files_of(job.name, names, options.dtype);
      if (viz && !is_array(job.input.path)) job.images = {sink.image_of(job.name)};
    }
    job.masks = pooling.masks_of(job);
  }
  return jobs;
}

Json settings_of(const FeatureArguments& options, const UsedFiles& files, const Encoder& encoder,
                 const std::vector<Index>& layers) {
  Json settings = common_settings(files.json(options.checkpoint), options.model.input_size,
                                  encoder.inspection(), encoder.stats());
  settings["partial"] = encoder.partial();
  // One form is a word, as earlier versions recorded it.
  const std::vector<std::string_view> names = names_of(options.features.out_types);
  settings["out_type"] = names.size() == 1 ? Json(names.front()) : Json(names);
  settings["layers"] = layers;
  settings["norm"] = options.features.norm_layers;
  settings["preprocess"] = options.preprocess == PreprocessMode::Full ? "full" : "lite";
  settings["dtype"] = name_of(options.dtype);
  settings["pool"] = options.pool.settings(files);
  settings["video"] = video_settings(options.video);
  return settings;
}

[[noreturn]] void refuse_pooling(const char* key, const char* summary, std::string actual,
                                 std::string hint) {
  throw Error(
      ErrorCode::InvalidArgument,
      {.summary = summary, .key = key, .actual = std::move(actual), .hint = std::move(hint)});
}

/// Options that would have no effect are refused.
void expect_pooling(const FeatureArguments& options) {
  const PoolArguments& pool = options.pool;
  const auto& types = options.features.out_types;
  if (pool.kind != PoolKind::None && std::ranges::find(types, OutType::Featmap) == types.end()) {
    refuse_pooling("--pool", "only the map of patches can be pooled",
                   fmt::format("--out-type {}", fmt::join(names_of(types), ",")),
                   "add featmap to --out-type, or leave out --pool");
  }
  if (pool.kind != PoolKind::Mask && !(pool.mask.empty() && pool.mask_classes.empty())) {
    refuse_pooling(pool.mask.empty() ? "--mask-class" : "--mask",
                   "masks are about --pool mask alone",
                   pool.text().empty() ? "no --pool" : "--pool " + pool.text(), "add --pool mask");
  }
  if (pool.kind != PoolKind::Boxes && !pool.boxes_file.empty()) {
    refuse_pooling("--boxes", "boxes are about --pool boxes alone",
                   pool.text().empty() ? "no --pool" : "--pool " + pool.text(), "add --pool boxes");
  }
  if (pool.kind == PoolKind::Boxes && pool.boxes_file.empty()) {
    refuse_pooling("--pool", "there are no boxes", "boxes", "add --boxes FILE");
  }
}

/// Of images, whose map has one size. Arrays have a size of their own.
void expect_grid_within_map(const FeatureArguments& options, const Encoder& encoder,
                            std::span<const InputFile> files) {
  if (options.pool.kind != PoolKind::Grid) return;
  if (std::ranges::all_of(files, [](const InputFile& file) { return is_array(file.path); })) return;
  const auto map = encoder.output_shapes(encoder.input_size()).featmap;
  const Grid grid = options.pool.grid;
  if (grid.height <= map[1] && grid.width <= map[2]) return;
  refuse_pooling("--pool", "this grid has more cells than there are patches", options.pool.text(),
                 fmt::format("at most grid:{}x{}", map[1], map[2]));
}

Findings pooling_findings(const FeaturePooling& pooling) {
  Findings found;
  if (const PersonBoxes* const boxes = pooling.boxes()) {
    const CocoTally& tally = boxes->tally();
    found.totals["boxes_file"] = tally.json();
    found.line = fmt::format("{}: {} of {} entries are boxes in these images",
                             printable(tally.file().string()), tally.used(), tally.entries());
  }
  return found;
}

/// Options that have no meaning for shards are refused, as are those that are about them alone.
void expect_dataset_options(const FeatureArguments& options, const Inputs& inputs) {
  const auto refuse = [](const char* key, const char* summary, const char* hint) {
    throw Error(ErrorCode::InvalidArgument, {.summary = summary, .key = key, .hint = hint});
  };
  if (options.viz) {
    refuse("--viz", "runs by shards make no drawings",
           "leave out --viz, or --format, --shared and --shard");
  }
  const bool archives = std::ranges::any_of(inputs.files, &InputFile::archive);
  std::string why;
  if ((archives || options.dataset.format == FeatureFormat::WebDataset) &&
      !archives_available(&why)) {
    throw Error(ErrorCode::UnsupportedFormat,
                {.summary = "archives can be neither read nor written", .actual = why});
  }
  if (archives && options.pool.kind == PoolKind::Boxes) {
    refuse("--boxes",
           "boxes are matched with the names of all images, which archives do not tell "
           "beforehand",
           "leave out --format, --shared and --shard: then archives are listed first");
  }
  const bool arrays = std::ranges::any_of(
      inputs.files, [](const InputFile& file) { return !file.archive && is_array(file.path); });
  if (arrays && options.dataset.format == FeatureFormat::NpyShards) {
    refuse("--format", "a row of npy-shards is about one image, and an array may hold several",
           "choose webdataset or npy");
  }
  const bool videos = std::ranges::any_of(inputs.files, &InputFile::video);
  if (videos) {
    refuse("--format", "frames of videos are not grouped by shard",
           "leave out --format, --shared and --shard, or the videos");
  }
  if (options.model.allow_partial && options.dataset.format != FeatureFormat::Npy) {
    refuse("--allow-partial", "files of shards cannot be marked as partial", "leave out --format");
  }
}

/// Files that the shards become must not replace what is read, nor each other.
void expect_files_of_shards(const FeatureArguments& options, std::span<const InputFile> files,
                            const UsedFiles& used, std::span<const FeatureName> features,
                            std::span<const InputShard> shards) {
  std::vector<InputFile> read(files.begin(), files.end());
  for (const std::filesystem::path& path : used.paths()) read.push_back({.path = path});
  std::vector<std::filesystem::path> written;
  std::set<std::string> names;
  const NpyFeatureFiles npy(options.output, options.model.allow_partial);
  for (const InputShard& shard : shards) {
    names.insert(shard.name.string());
    if (options.dataset.format == FeatureFormat::WebDataset) {
      written.push_back(std::filesystem::path(options.output) / shard.name);
      written.back() += ".tar";
    }
    for (const Job& job : shard.jobs) {
      for (const std::filesystem::path& mask : job.masks) read.push_back({.path = mask});
      if (options.dataset.format != FeatureFormat::Npy) continue;
      for (JobFile& file : npy.files_of(job.name, features, options.dtype)) {
        written.push_back(std::move(file.path));
      }
    }
  }
  expect_no_input_among(written, read);
  if (options.dataset.format != FeatureFormat::WebDataset) return;
  for (const std::string& name : names) {
    const std::size_t part = name.rfind("-part");
    if (part == name.npos || !names.contains(name.substr(0, part))) continue;
    throw Error(ErrorCode::InvalidArgument,
                {.summary = "the tars of two archives may get the same name",
                 .file = name,
                 .actual = name.substr(0, part) + " may have parts",
                 .hint = "rename one of them, or write them to two folders"});
  }
}

struct LoadedEncoder {
  Encoder encoder;
  std::vector<Index> layers;
};

/// Opens the checkpoint, and refuses options that do not fit the model.
LoadedEncoder load(const FeatureArguments& options, std::span<const InputFile> inputs,
                   const UsedFiles& files) {
  Encoder encoder(Checkpoint::open(options.checkpoint), options.model,
                  with_load_meter(options.engine));
  files.require_unchanged();
  say(checkpoint_text(options.checkpoint, encoder.inspection()));
  if (encoder.partial()) {
    say("warning: parameters without a value count as zero; every output is marked as partial");
  }
  encoder.expect_out_types(options.features.out_types);
  encoder.expect_preprocess(options.preprocess);
  expect_grid_within_map(options, encoder, inputs);
  std::vector<Index> layers = encoder.resolve_layers(options.features.layers);
  return {std::move(encoder), std::move(layers)};
}

void run_by_shards(const FeatureArguments& options, const Inputs& inputs,
                   const FeaturePooling& pooling, const UsedFiles& files, Session& session) {
  const RunPart part =
      choose_part(options.dataset.part, [](const char* name) { return std::getenv(name); });
  expect_dataset_options(options, inputs);
  expect_no_other_command(options.output, "features");
  auto [encoder, layers] = load(options, inputs.files, files);
  std::vector<InputShard> shards =
      plan_shards(inputs.files, images_per_shard(encoder, options, layers.size()));
  for (InputShard& shard : shards) {
    for (Job& job : shard.jobs) job.masks = pooling.masks_of(job);
  }
  const std::vector<FeatureName> names = feature_names(layers, options.features.out_types);
  expect_files_of_shards(options, inputs.files, files, names, shards);
  if (!part.origin.empty()) {
    say(fmt::format("part {}/{} of the shards, counted from 0, by {}", part.index, part.count,
                    part.origin));
  }
  Json settings = settings_of(options, files, encoder, layers);
  settings["checkpoint"] = digest_json(options.checkpoint);
  files.require_unchanged();
  settings["format"] = name_of(options.dataset.format);
  settings["shard_size"] = options.dataset.shard_bytes;
  settings["image_keys"] = options.image_keys;
  // Files are called by the numbers of shards: those of other inputs would replace them.
  if (options.dataset.format == FeatureFormat::NpyShards) settings["shards"] = names_json(shards);
  const Stopwatch watch;
  DatasetRun run(encoder, options, pooling, names, session);
  const DatasetResult result = run.run(shards, part, settings, inputs.failed);
  report({.result = result,
          .options = options,
          .inputs = inputs,
          .part = part,
          .settings = settings,
          .stats = encoder.stats(),
          .seconds = watch.seconds()},
         session);
}

void run_by_image(const FeatureArguments& options, const Inputs& inputs,
                  const FeaturePooling& pooling, const UsedFiles& files, Session& session) {
  expect_no_shards(options.output);  // before the weights are loaded
  auto [encoder, layers] = load(options, inputs.files, files);
  const std::vector<FeatureName> names = feature_names(layers, options.features.out_types);
  NpyFeatureFiles sink(options.output, encoder.partial());
  const FeatureOutput output{.pooling = pooling, .names = names, .sink = sink};
  JobPlan plan = plan_jobs(options, "features", settings_of(options, files, encoder, layers), files,
                           inputs, make_jobs(options, inputs.files, names, pooling, sink));
  const Findings found = pooling_findings(pooling);
  plan.manifest.boxes_file = found.totals.value("boxes_file", Json());
  start_plan(plan, session);

  const Stopwatch watch;
  const std::vector<JobResult> results =
      run_features(encoder, options, output, sink, session.interrupts, plan.jobs);
  report({.plan = plan,
          .what = fmt::format("{}", fmt::join(names_of(options.features.out_types), ", ")),
          .type = name_of(options.dtype),
          .results = results,
          .stats = encoder.stats(),
          .seconds = watch.seconds(),
          .findings = found},
         session);
}

void run(const FeatureArguments& options, Session& session) {
  expect_pooling(options);
  const bool by_shards = options.dataset.is_on();
  const Inputs inputs = find_inputs(options, {.arrays = true,
                                              .videos = true,
                                              .folders_are_videos = options.video.folder_rate > 0,
                                              .archives = true,
                                              .expand_archives = !by_shards});
  const UsedFiles files({options.checkpoint, options.pool.boxes_file});
  const FeaturePooling pooling(options.pool, inputs.files);
  if (const PersonBoxes* const boxes = pooling.boxes()) {
    for (const std::string& line : boxes->tally().lines()) say("warning: " + line);
  }
  prepare_output_folder(options.output);
  by_shards ? run_by_shards(options, inputs, pooling, files, session)
            : run_by_image(options, inputs, pooling, files, session);
}

}  // namespace

void add_features_command(CLI::App& app, Session& session) {
  auto options = std::make_shared<FeatureArguments>();
  CLI::App* features = app.add_subcommand("features", "Compute features of images, as .npy");
  add_checkpoint_argument(*features, *options);
  add_job_options(*features, *options,
                  "Images, videos, .npy arrays [3, H, W] or [N, 3, H, W] that are preprocessed "
                  "already, folders, tar or zip archives, .txt lists, or - for a list on standard "
                  "input",
                  "Also draw the features over each image, as .png");
  add_feature_options(*features, *options);
  add_json_flag(*features, session);
  features->footer(
      "Example:\n  sapiens features sapiens_0.3b_epoch_1600_clean.pth photos/ --output out --viz");
  features->callback([options, &session] { run(*options, session); });
}

}  // namespace sapiens::cli

#include "cli/run/features.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <memory>
#include <sapiens/features.hpp>
#include <sapiens/printable.hpp>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/commands/commands.hpp"
#include "cli/options/task_options.hpp"
#include "cli/run/feature_videos.hpp"
#include "cli/run/jobs.hpp"
#include "cli/run/video_source.hpp"
#include "cli/terminal/messages.hpp"

namespace sapiens::cli {
namespace {

std::vector<std::string_view> names_of(std::span<const OutType> types) {
  std::vector<std::string_view> names;
  for (const OutType type : types) names.push_back(out_type_name(type));
  return names;
}

const std::vector<std::pair<std::string, DType>>& written_types() {
  static const std::vector<std::pair<std::string, DType>> types = {
      {"f32", DType::F32}, {"f16", DType::F16}, {"bf16", DType::BF16}, {"int8", DType::I8}};
  return types;
}

const std::string& name_of(DType written) {
  return std::ranges::find(written_types(), written, &std::pair<std::string, DType>::second)->first;
}

std::vector<Job> make_jobs(const FeatureArguments& options, const std::vector<InputFile>& files,
                           std::span<const FeatureName> names, const NpyFeatureFiles& sink) {
  const bool viz = draws_features(options);
  if (options.viz && !viz) say("--viz needs --out-type featmap or raw: no images are drawn");
  std::vector<Job> jobs = plan_names(files);
  for (Job& job : jobs) {
    if (job.input.video) {
      job.files = {{feature_video_document(options, job.name), {{"holds", "what frames are"}}}};
      continue;
    }
    job.files = sink.files_of(job.name, names, options.dtype);
    if (viz && !is_array(job.input.path)) job.images = {sink.image_of(job.name)};
  }
  return jobs;
}

Json settings_of(const FeatureArguments& options, const Encoder& encoder,
                 const std::vector<Index>& layers) {
  Json settings = common_settings(options.checkpoint, options.model.input_size,
                                  encoder.inspection(), encoder.stats());
  settings["partial"] = encoder.partial();
  // One form is a word, as earlier versions recorded it.
  const std::vector<std::string_view> names = names_of(options.features.out_types);
  settings["out_type"] = names.size() == 1 ? Json(names.front()) : Json(names);
  settings["layers"] = layers;
  settings["norm"] = options.features.norm_layers;
  settings["preprocess"] = options.preprocess == PreprocessMode::Full ? "full" : "lite";
  settings["dtype"] = name_of(options.dtype);
  settings["pool"] = options.pool.settings();
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
  const auto map =
      encoder.output_shapes(options.model.input_size.value_or(encoder.input_size())).featmap;
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

void run(const FeatureArguments& options, Session& session) {
  expect_pooling(options);
  const Inputs inputs = find_inputs(options, {.arrays = true,
                                              .videos = true,
                                              .folders_are_videos = options.video.folder_rate > 0,
                                              .archives = true});
  FeaturePooling pooling(options.pool, inputs.files);
  if (const PersonBoxes* const boxes = pooling.boxes()) {
    for (const std::string& line : boxes->tally().lines()) say("warning: " + line);
  }
  prepare_output_folder(options.output);

  Encoder encoder(Checkpoint::open(options.checkpoint), options.model,
                  with_load_meter(options.engine));
  say(checkpoint_text(options.checkpoint, encoder.inspection()));
  if (encoder.partial()) {
    say("warning: parameters without a value count as zero; every output is marked as partial");
  }
  encoder.expect_out_types(options.features.out_types);
  encoder.expect_preprocess(options.preprocess);
  expect_grid_within_map(options, encoder, inputs.files);
  const std::vector<Index> layers = encoder.resolve_layers(options.features.layers);
  NpyFeatureFiles sink(options.output, encoder.partial());
  const FeatureOutput output{.pooling = std::move(pooling),
                             .names = feature_names(layers, options.features.out_types),
                             .sink = sink};
  JobPlan plan = plan_jobs(options, "features", settings_of(options, encoder, layers), inputs,
                           make_jobs(options, inputs.files, output.names, sink));
  const Findings found = pooling_findings(output.pooling);
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

void add_output_options(CLI::App& app, FeatureArguments& options) {
  add_out_types_option(app, options.features.out_types,
                       "Forms to write, separated by commas. featmap: [C, gh, gw]; raw: [tokens, "
                       "C]; cls_token, avg_featmap: [C]; registers (Sapiens2): [R, C]")
      ->default_str("featmap");
  add_layers_option(app, options.features.layers);
  app.add_flag("--norm", options.features.norm_layers,
               "Pass every layer through the final norm, not just the last");
  add_choice<DType>(
      app, "--dtype", options.dtype, written_types(),
      "Type of the numbers written; int8: with a scale for each row in a second file");
}

void add_pool_options(CLI::App& app, PoolArguments& pool) {
  app.add_option_function<std::string>(
         "--pool",
         [&pool](const std::string& text) {
           if (parse_pool(text, pool)) return;
           throw CLI::ValidationError("--pool",
                                      "`" + text + "` is not mean, grid:HxW, mask or boxes");
         },
         "Write less of featmap: the mean of all patches [C]; of the cells of a grid [C, H, W]; of "
         "the patches under a mask [C]; of those in each box [boxes, C]")
      ->type_name("mean|grid:HxW|mask|boxes");
  app.add_option(
         "--mask", pool.mask,
         "With --pool mask: folder with the masks or class ids that `sapiens seg` wrote; by "
         "default photo_seg.png beside photo.jpg")
      ->type_name(kFolderType);
  app.add_option_function<std::vector<std::string>>(
         "--mask-class",
         [&pool](const std::vector<std::string>& classes) {
           for (const std::string& name : classes) {
             pool.mask_classes.push_back(mask_class_id(name));
           }
         },
         "Classes under the mask, by name or id, separated by commas; by default everything but "
         "the background")
      ->delimiter(',')
      ->type_name("CLASS,...");
  CLI::Option* boxes = app.add_option("--boxes", pool.boxes_file,
                                      "With --pool boxes: COCO-style JSON with the boxes of each "
                                      "image, as `sapiens pose` takes it")
                           ->type_name(kFileType);
  add_person_category_option(app, "--person-category", pool.person_category,
                             "Which category_id of --boxes counts")
      ->needs(boxes);
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
                  "Images, videos, .npy arrays [3, H, W] or [N, 3, H, W] that are preprocessed "
                  "already, folders, tar or zip archives, .txt lists, or - for a list on standard "
                  "input",
                  "Also draw the features over each image, as .png");
  add_output_options(*features, *options);
  add_pool_options(*features, options->pool);
  add_video_options(*features, options->video);
  add_compute_options(*features, *options);
  add_json_flag(*features, session);
  features->footer(
      "Example:\n  sapiens features sapiens_0.3b_epoch_1600_clean.pth photos/ --output out --viz");
  features->callback([options, &session] { run(*options, session); });
}

}  // namespace sapiens::cli

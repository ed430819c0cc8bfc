#include "cli/options/feature_options.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "cli/options/options.hpp"
#include "cli/options/task_options.hpp"

namespace sapiens::cli {
namespace {

const std::vector<std::pair<std::string, DType>>& written_types() {
  static const std::vector<std::pair<std::string, DType>> types = {
      {"f32", DType::F32}, {"f16", DType::F16}, {"bf16", DType::BF16}, {"int8", DType::I8}};
  return types;
}

const std::vector<std::pair<std::string, FeatureFormat>>& formats() {
  static const std::vector<std::pair<std::string, FeatureFormat>> formats = {
      {"npy", FeatureFormat::Npy},
      {"webdataset", FeatureFormat::WebDataset},
      {"npy-shards", FeatureFormat::NpyShards}};
  return formats;
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

void add_dataset_options(CLI::App& app, DatasetArguments& dataset) {
  add_choice<FeatureFormat>(app, "--format", dataset.format, formats(),
                            "npy: a file for each array; webdataset: tar files; npy-shards: arrays "
                            "of many images [N, ...] as clip-retrieval has them");
  app.add_option("--shard-size", dataset.shard_bytes,
                 "Bytes after which a new tar begins, and of results that loose images are "
                 "grouped by: 500MB, 2GB")
      ->transform(CLI::AsSizeValue(true))
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1} << 50))
      ->default_str("1GB");
  app.add_option("--shard", dataset.part,
                 "Work on part I (from 0) of N equal parts of the shards, together with other "
                 "processes; with shards by default SLURM_ARRAY_TASK_ID and RANK decide; none: on "
                 "all")
      ->type_name("I/N|none");
  app.add_flag("--shared", dataset.shared,
               "Share the output folder with other processes that run the same command: each "
               "shard is claimed by one");
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

void add_feature_options(CLI::App& app, FeatureArguments& options) {
  add_output_options(app, options);
  add_pool_options(app, options.pool);
  add_dataset_options(app, options.dataset);
  add_video_options(app, options.video);
  add_compute_options(app, options);
}

const std::string& name_of(DType written) {
  return std::ranges::find(written_types(), written, &std::pair<std::string, DType>::second)->first;
}

const std::string& name_of(FeatureFormat format) {
  return std::ranges::find(formats(), format, &std::pair<std::string, FeatureFormat>::second)
      ->first;
}

}  // namespace sapiens::cli

#include "cli/run/feature_pooling.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <sapiens/labels.hpp>
#include <sapiens/npy.hpp>
#include <sapiens/result_files.hpp>
#include <system_error>
#include <utility>

#include "cli/options/options.hpp"
#include "cli/terminal/messages.hpp"
#include "core/parse_number.hpp"

namespace sapiens::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kGridPrefix = "grid:";

bool is_mask_file(const fs::path& path) {
  std::error_code error;
  return fs::is_regular_file(path, error);
}

/// The endings of files with masks, the first that exists counts.
std::vector<std::string> mask_endings(const PoolArguments& pool) {
  std::vector<std::string> endings = {"_seg.npy", "_seg.png"};
  // Beside an image, this name may be that of any array; and it has no classes.
  if (!pool.mask.empty() && pool.mask_classes.empty()) endings.insert(endings.begin(), ".npy");
  return endings;
}

/// The files that the mask of an image may be in. `sapiens seg` gave them the name that the results
/// of this input have.
std::vector<fs::path> mask_files(const PoolArguments& pool, const Job& job) {
  const bool beside = pool.mask.empty();
  const fs::path stem =
      beside ? fs::path(job.input.path).replace_extension() : fs::path(pool.mask) / job.name;
  std::vector<fs::path> files;
  for (const std::string& ending : mask_endings(pool)) files.push_back(fs::path(stem) += ending);
  return files;
}

std::vector<std::uint8_t> read_class_ids(const fs::path& file, std::span<const Index> shape) {
  if (file.extension() == ".npy") return read_npy_ids(file, shape);
  Segmentation found = read_class_png(file);
  if (found.height == shape[0] && found.width == shape[1]) return std::move(found.ids);
  throw Error(ErrorCode::ShapeMismatch,
              {.summary = "the class ids have another size than the image",
               .file = file.string(),
               .expected = dims_text(shape),
               .actual = dims_text(std::vector<Index>{found.height, found.width}),
               .hint = "height comes first; an image is turned as its EXIF orientation says"});
}

/// Nothing lies beside a member.
void expect_mask_folder(const PoolArguments& pool, const Job& job) {
  if (job.input.member.empty() || !pool.mask.empty()) return;
  throw Error(ErrorCode::InvalidArgument,
              {.summary = "there is no folder beside an image in an archive to find its mask in",
               .file = job.input.text(),
               .key = "--mask",
               .hint = "add --mask DIR with what `sapiens seg` made of the same archive"});
}

std::vector<std::uint8_t> read_pool_mask(const PoolArguments& pool, const Job& job, Grid size) {
  expect_mask_folder(pool, job);
  const std::vector<fs::path> files = mask_files(pool, job);
  const auto file = std::ranges::find_if(files, is_mask_file);
  if (file == files.end()) {
    std::vector<std::string> names;
    for (const fs::path& candidate : files) names.push_back(candidate.string());
    throw Error(ErrorCode::NotFound,
                {.summary = "there is no mask for this image",
                 .file = job.input.text(),
                 .key = "--mask",
                 .expected = fmt::format("{}", fmt::join(names, " or ")),
                 .hint = "`sapiens seg` writes them; --mask DIR names its folder"});
  }
  const Index shape[] = {size.height, size.width};
  std::vector<std::uint8_t> mask;
  if (file->filename().string().ends_with("_seg.npy") || file->extension() == ".png") {
    mask = read_class_ids(*file, shape);
    for (std::uint8_t& id : mask) {
      id = pool.mask_classes.empty()
               ? id != 0
               : std::ranges::find(pool.mask_classes, id) != pool.mask_classes.end();
    }
  } else {
    mask = read_npy_mask(*file, shape);
  }
  if (std::ranges::find_if(mask, [](std::uint8_t on) { return on != 0; }) != mask.end()) {
    return mask;
  }
  throw Error(ErrorCode::InvalidArgument,
              {.summary = "nothing of this image is under its mask",
               .file = job.input.text(),
               .key = pool.mask_classes.empty() ? "--mask" : "--mask-class",
               .actual = pool.mask_classes.empty()
                             ? fmt::format("{} is empty", file->string())
                             : fmt::format("no pixel of these classes in {}", file->string()),
               .hint = "there is no mean of no patches; leave this image out"});
}

PoolRegion boxes_of(const PoolArguments& pool, const PersonBoxes& boxes, const Job& job) {
  const ImageBoxes& given = boxes.of(job.input);
  if (given.unclear) {
    throw Error(ErrorCode::InvalidArgument,
                {.summary = "nothing tells which boxes are about this image",
                 .file = job.input.text(),
                 .key = "--boxes",
                 .actual = "a `file_name` or id of " + pool.boxes_file +
                           " that several images have, or several that may mean this one",
                 .hint = "name images with the folder they are in"});
  }
  PoolRegion region{.boxes = given.boxes};
  if (given.boxes.empty()) {
    region.warning = given.listed
                         ? "no vector of it: " + pool.boxes_file + " lists it without a box"
                         : "no vector of it: no entry of " + pool.boxes_file + " is about it";
  }
  return region;
}

}  // namespace

std::string PoolArguments::text() const {
  switch (kind) {
    case PoolKind::None:
      return "";
    case PoolKind::Mean:
      return "mean";
    case PoolKind::Grid:
      return fmt::format("{}{}x{}", kGridPrefix, grid.height, grid.width);
    case PoolKind::Mask:
      return "mask";
    case PoolKind::Boxes:
      return "boxes";
  }
  return "";
}

std::vector<Index> PoolArguments::shape(std::span<const Index> featmap) const {
  const Index channels = featmap[0];
  switch (kind) {
    case PoolKind::None:
      return {featmap.begin(), featmap.end()};
    case PoolKind::Mean:
    case PoolKind::Mask:
      return {channels};
    case PoolKind::Grid:
      return {channels, grid.height, grid.width};
    case PoolKind::Boxes:
      return {10, channels};
  }
  return {};
}

Json PoolArguments::settings(const UsedFiles& files) const {
  if (kind == PoolKind::None) return nullptr;
  Json json = {{"by", text()}};
  if (kind == PoolKind::Mask) {
    json["mask"] = mask.empty() ? Json("beside the image") : Json(absolute_text(mask));
    json["classes"] = mask_classes;
  }
  if (kind == PoolKind::Boxes) {
    json["boxes"] = files.json(boxes_file);
    if (person_category.chosen) json["person_category"] = person_category.id;
  }
  return json;
}

bool parse_pool(std::string_view text, PoolArguments& pool) {
  const std::map<std::string_view, PoolKind> kinds = {
      {"mean", PoolKind::Mean}, {"mask", PoolKind::Mask}, {"boxes", PoolKind::Boxes}};
  if (const auto kind = kinds.find(text); kind != kinds.end()) {
    pool.kind = kind->second;
    return true;
  }
  if (!text.starts_with(kGridPrefix)) return false;
  const std::optional<Grid> grid = parse_grid(text.substr(kGridPrefix.size()));
  if (!grid) return false;
  pool.kind = PoolKind::Grid;
  pool.grid = *grid;
  return true;
}

std::uint8_t mask_class_id(const std::string& text) {
  if (const auto id = parse_number<std::uint8_t>(text)) return *id;
  std::map<std::size_t, std::string_view> found;  // by id: the first set that has it
  for (Index count = 1; count <= 256; ++count) {
    const SegClassSet* const set = find_seg_classes(count);
    for (std::size_t id = 0; set && id < set->classes.size(); ++id) {
      if (set->classes[id].name == text) found.emplace(id, set->dataset);
    }
  }
  if (found.size() == 1) return static_cast<std::uint8_t>(found.begin()->first);
  std::vector<std::string> meanings;
  for (const auto& [id, dataset] : found) meanings.push_back(fmt::format("{} in {}", id, dataset));
  throw Error(ErrorCode::InvalidArgument,
              {.summary = found.empty() ? "there is no class of this name"
                                        : "classes of several models have this name",
               .key = "--mask-class",
               .expected = found.empty() ? "the name of a published class, or an id from 0 to 255"
                                         : fmt::format("an id: {}", fmt::join(meanings, ", ")),
               .actual = text});
}

FeaturePooling::FeaturePooling(const PoolArguments& arguments, std::span<const InputFile> inputs)
    : arguments_(arguments) {
  if (arguments.kind != PoolKind::Boxes) return;
  boxes_ = PersonBoxes::read(arguments.boxes_file, inputs, arguments.person_category);
}

std::vector<fs::path> FeaturePooling::masks_of(const Job& job) const {
  if (arguments_.kind != PoolKind::Mask) return {};
  if (job.input.video && !arguments_.mask.empty()) {
    std::vector<fs::path> masks;
    for (const std::string& ending : mask_endings(arguments_)) {
      std::ranges::move(FrameFiles{fs::path(arguments_.mask) / job.name, ending}.there(),
                        std::back_inserter(masks));
    }
    return masks;
  }
  const std::vector<fs::path> files = mask_files(arguments_, job);
  const auto file = std::ranges::find_if(files, is_mask_file);
  return file == files.end() ? std::vector<fs::path>{} : std::vector{*file};
}

bool FeaturePooling::needs_region() const {
  return arguments_.kind == PoolKind::Mask || arguments_.kind == PoolKind::Boxes;
}

PoolRegion FeaturePooling::region_of(const Job& job, Grid size) const {
  if (arguments_.kind == PoolKind::Mask) return {.mask = read_pool_mask(arguments_, job, size)};
  if (boxes_) return boxes_of(arguments_, *boxes_, job);
  return {};
}

FloatArray FeaturePooling::pool(TensorView<const float, 3> featmap, const PoolRegion& region,
                                const PatchPlacement& placement) const {
  switch (arguments_.kind) {
    case PoolKind::None:
      break;
    case PoolKind::Mean:
      return pool_mean(featmap);
    case PoolKind::Grid:
      return pool_grid(featmap, arguments_.grid);
    case PoolKind::Mask:
      return pool_mask(featmap, region.mask, placement);
    case PoolKind::Boxes:
      return pool_boxes(featmap, region.boxes, placement);
  }
  return {};
}

}  // namespace sapiens::cli

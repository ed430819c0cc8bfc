#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <sapiens/features.hpp>
#include <sapiens/pooling.hpp>
#include <sapiens/results.hpp>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/input/coco_files.hpp"
#include "cli/run/jobs.hpp"
#include "cli/run/used_files.hpp"

namespace sapiens::cli {

enum class PoolKind { None, Mean, Grid, Mask, Boxes };

/// What --pool and the options beside it say.
struct PoolArguments {
  PoolKind kind = PoolKind::None;
  Grid grid = {};                          ///< Of PoolKind::Grid.
  std::string mask;                        ///< Folder; empty: that of each image.
  std::vector<std::uint8_t> mask_classes;  ///< Empty: everything but the background.
  std::string boxes_file;
  PersonCategory person_category;

  /// "mean", "grid:4x3" and so on; empty for none.
  std::string text() const;
  /// What becomes of a map [C, gh, gw]. As for boxes, as if there were ten.
  std::vector<Index> shape(std::span<const Index> featmap) const;
  /// What results depend on, for the manifest; null for none.
  Json settings(const UsedFiles& files) const;
};

/// Reads "mean", "grid:4x3", "mask" and "boxes"; false for anything else.
bool parse_pool(std::string_view text, PoolArguments& pool);

/// The id that a class of --mask-class has: a number, or a name that means one class in all
/// published sets. Throws `Error(InvalidArgument)`.
std::uint8_t mask_class_id(const std::string& text);

/// What of one image counts.
struct PoolRegion {
  std::vector<std::uint8_t> mask = {};
  std::vector<Box> boxes = {};
  std::string warning = {};  ///< To be said of the input; mostly empty.
};

/// Reduces the maps of patches of a run.
class FeaturePooling {
 public:
  /// Reads --boxes. Throws as PersonBoxes::read does.
  FeaturePooling(const PoolArguments& arguments, std::span<const InputFile> inputs);

  bool is_on() const { return arguments_.kind != PoolKind::None; }
  bool needs_region() const;
  /// Of an image of `size` pixels. Throws `Error` where there is no mask or it is empty, or where
  /// nothing tells which boxes are about the image.
  PoolRegion region_of(const Job& job, Grid size) const;
  /// The files that the masks of an input are read from, as far as there are any.
  std::vector<std::filesystem::path> masks_of(const Job& job) const;
  /// Of the map of one image. Throws as the functions of sapiens/pooling.hpp do.
  FloatArray pool(TensorView<const float, 3> featmap, const PoolRegion& region,
                  const PatchPlacement& placement) const;
  /// What --boxes holds; null without.
  const PersonBoxes* boxes() const { return boxes_ ? &*boxes_ : nullptr; }

 private:
  PoolArguments arguments_;
  std::optional<PersonBoxes> boxes_;
};

}  // namespace sapiens::cli

#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/block_size.hpp"
#include "reconcile/family.hpp"
#include "sapiens/report.hpp"
#include "sapiens/task.hpp"
#include "sapiens/tensor_view.hpp"

namespace sapiens {

/// "sapiens", "sapiens2" or "rtmdet".
std::string_view family_name(Family family) noexcept;

/// A published size (`arch_zoo` in the original code), or `tiny`, a size for tests.
struct Arch {
  Family family;
  std::string_view name;  // without the family: "0.3b"
  Index width;            // D, "embed_dims"
  Index depth;
  Index heads;
  Index mlp_width;  // 4D
  Grid grid;        // of pretraining

  /// Heads of keys and values in block `i`: all heads in the first and the last eight blocks, half
  /// of them in between (Sapiens2).
  Index kv_heads(Index i) const noexcept;
};

/// All sizes, by family.
std::span<const Arch> known_archs() noexcept;
bool is_published(const Arch& arch) noexcept;
/// The unpublished size `tiny` with about 100,000 parameters.
const Arch& tiny_arch(Family family = Family::Sapiens) noexcept;
/// Finds a size by its width; null for an unpublished width.
const Arch* find_arch_by_width(Family family, Index width) noexcept;
/// Finds a size by its name ("0.3b", "sapiens_0.3B", "tiny", "sapiens2_0.4b"). Throws
/// `Error(InvalidArgument)` that lists the names.
const Arch& parse_arch(std::string_view name);
/// The name that `parse_arch` accepts: "0.3b", "sapiens2_0.4b".
std::string arch_option(const Arch& arch);

inline constexpr Index kPublishedRegisters = 8;  // of Sapiens2

inline constexpr Index kPatch = 16;  // every Sapiens model
inline constexpr Index kPatchPixels = kPatch * kPatch * 3;

/// A vision transformer of one of the families.
struct EncoderConfig {
  Family family = Family::Sapiens;
  Index width = 0;      ///< D
  Index depth = 0;      ///< Number of blocks.
  Index heads = 0;      ///< 0: unknown, as weights do not imply it (Sapiens).
  Index mlp_width = 0;  ///< Hidden width of the feed-forward layers.
  bool cls_token = false;
  Grid grid;                ///< Grid of `pos_embed`, or of the usual input; {0, 0}: unknown.
  Index patch_padding = 0;  ///< Zero padding of the patch convolution, see `patch_grid`.
  Index registers = 0;      ///< Register tokens behind the class token.
  std::vector<Index> kv_heads = {};  ///< Heads of keys and values, by block; empty: `heads`.

  Index extra_tokens() const noexcept { return (cls_token ? 1 : 0) + registers; }
  Index tokens() const noexcept { return extra_tokens() + grid.patches(); }
  BlockSize block() const noexcept { return {width, mlp_width, heads}; }
};

/// Patches of an input of `size` pixels: padded right and bottom to whole patches (padding 0,
/// "corner" in the original), or by `padding` on every side with the remainder cut off.
Grid patch_grid(Grid size, Index padding) noexcept;

/// The published Sapiens2 encoder of that size, for its usual input.
EncoderConfig published_encoder(const Arch& arch);

/// Which padding the original's configurations use: 2 for pose, normal and the 20-class (lip, cihp)
/// segmentation, otherwise 0. Weights do not imply it.
Index default_patch_padding(Task task, Index outputs) noexcept;

/// One convolution of a task head: [out, in, kernel, kernel], transposed ones [in, out, kernel,
/// kernel].
struct ConvShape {
  Index in = 0;
  Index out = 0;
  Index kernel = 0;
};

/// A task head: transposed convolutions, convolutions, and the final 1x1 convolution.
struct HeadConfig {
  Task task = Task::Pose;
  std::vector<ConvShape> deconvs;
  std::vector<ConvShape> convs;
  Index final_in = 0;
  Index outputs = 0;  ///< Keypoints or classes; `kAny` if the file lacks the last layer.
};

/// The published head of `task` on an encoder of `width`.
HeadConfig published_head(Task task, Index width);

/// How many layers a head has in front of the final one.
struct HeadLayers {
  Index deconvs = 0;
  Index convs = 0;

  bool operator==(const HeadLayers&) const = default;
};
HeadLayers layers_of(const HeadConfig& head) noexcept;

/// The decoder of the masked autoencoder ("neck"), the same for every published size.
struct DecoderConfig {
  Index width = 512;
  Index depth = 8;
  Index heads = 16;  ///< 0: unknown, as weights do not imply it.
  Index mlp_width = 2048;
  Index tokens = 4097;
  Index outputs = kPatchPixels;

  BlockSize block() const noexcept { return {width, mlp_width, heads}; }
};

}  // namespace sapiens

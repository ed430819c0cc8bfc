#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/state_dict.hpp"
#include "model/config.hpp"
#include "reconcile/names.hpp"
#include "reconcile/reconcile.hpp"

namespace sapiens {

/// The shapes of a file by canonical parameter names.
class OfferedShapes {
 public:
  OfferedShapes(const StateDict& dict, const NameIndex& index, const EncoderNames& names)
      : dict_(dict), index_(index), names_(names) {}

  /// The shape of parameter `key` after applying naming rules, with a split qkv joined. Empty if a
  /// part is absent.
  std::optional<std::vector<Index>> find(std::string_view key) const;
  bool has(std::string_view key) const { return find(key).has_value(); }

  /// The number of blocks of the encoder, if the last one has any tensor.
  Index count_blocks() const;
  /// 1 + the largest number that follows `prefix` ("neck.decoder_blocks.") in any name.
  Index count_numbered(std::string_view prefix) const;
  /// Whether a name beside the encoder starts with `prefix` ("decode_head.") and is not one of
  /// `except`.
  bool has_part(std::string_view prefix, std::span<const std::string_view> except = {}) const;

  Family family() const noexcept { return names_.scheme->family; }
  const StateDict& dict() const noexcept { return dict_; }

 private:
  Index count_behind(std::string_view prefix) const;

  const StateDict& dict_;
  const NameIndex& index_;
  const EncoderNames& names_;
};

/// A value that `synth` and `convert` record because weights do not imply it: `name` is
/// "sapiens.grid".
std::optional<std::string> recorded(const StateDict& dict, std::string_view name);
/// The grid "HxW" that they record.
std::optional<Grid> recorded_grid(const StateDict& dict);
/// "DxC" layers of a head with fewer than published, which without it is one with lost layers.
std::optional<HeadLayers> recorded_head_layers(const StateDict& dict);

/// Overrides of the user; empty fields are detected.
struct ModelHints {
  const Arch* arch = nullptr;
  std::optional<Task> task = {};
  Index heads = 0;
  Index decoder_heads = 0;
  std::optional<Grid> grid = {};        ///< Of the file's position table (Sapiens).
  std::optional<Grid> input_size = {};  ///< Pixels.
  std::optional<Index> patch_padding = {};
};

/// The model as recognised from the tensors, and the geometry for running it.
struct DetectedModel {
  const Arch* arch = nullptr;       ///< Null for an unpublished size.
  Task file_task = Task::Backbone;  ///< The task of the file.
  Task task = Task::Backbone;       ///< The requested task; by default `file_task`.
  EncoderConfig encoder;            ///< With the geometry of `task`.
  PositionPlan positions;
  std::optional<HeadConfig> head = {};        ///< Of the file.
  std::optional<Task> other_head = {};        ///< Task of a second head on the same encoder.
  std::optional<DecoderConfig> decoder = {};  ///< Of the file.
  std::string_view unsupported_head = {};     ///< "decode_head" of a Sapiens2 task model.
  Index found_width = 0;  ///< Width in the file, also if another size is requested.
  Index found_depth = 0;
};

/// Recognises the model in `offered`. Mismatches are reported later, by reconciling.
DetectedModel detect_model(const OfferedShapes& offered, const ModelHints& options);

/// The same for the names of one family. Options that mean nothing for it are ignored.
DetectedModel detect_sapiens(const OfferedShapes& offered, const ModelHints& options);
DetectedModel detect_sapiens2(const OfferedShapes& offered, const ModelHints& options);

}  // namespace sapiens

#pragma once

#include <array>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sapiens/checkpoint.hpp"
#include "sapiens/float_array.hpp"
#include "sapiens/image.hpp"
#include "sapiens/pooling.hpp"
#include "sapiens/precision.hpp"
#include "sapiens/report.hpp"
#include "sapiens/run.hpp"
#include "sapiens/stop_check.hpp"
#include "sapiens/tensor_view.hpp"

namespace sapiens {

/// How an image is resized and normalised for the network.
enum class PreprocessMode {
  Full,  ///< As in training: Pillow's antialiased bicubic filter (Sapiens2: bilinear), exact
         ///< ImageNet constants.
  Lite,  ///< As in the lite scripts of Sapiens: OpenCV's bilinear filter, rounded constants.
};

/// Which form features take; shapes are per image. C is the width of the encoder, gh x gw the grid
/// of patches, R the number of registers.
enum class OutType {
  Featmap,     ///< Patch tokens as a map [C, gh, gw].
  Raw,         ///< All tokens [tokens, C]: class token and registers, as far as the model has them,
               ///< then patches row by row.
  ClsToken,    ///< The class token [C].
  AvgFeatmap,  ///< [C]: the mean patch token; of Sapiens after LayerNorm with weight 1 and bias 0.
  Registers,   ///< The registers [R, C], the tokens between class token and patches (Sapiens2).
};

inline constexpr std::array kAllOutTypes = {OutType::Featmap, OutType::Raw, OutType::ClsToken,
                                            OutType::AvgFeatmap, OutType::Registers};

/// The name in every interface: "featmap", "raw", "cls_token", "avg_featmap", "registers".
constexpr std::string_view out_type_name(OutType out_type) noexcept {
  switch (out_type) {
    case OutType::Featmap:
      return "featmap";
    case OutType::Raw:
      return "raw";
    case OutType::ClsToken:
      return "cls_token";
    case OutType::AvgFeatmap:
      return "avg_featmap";
    case OutType::Registers:
      return "registers";
  }
  return "?";
}

/// Options of loading a model and computing with it.
struct EngineOptions {
  /// Number of threads; 0: all cores that affinity and container quota allow. Results do not depend
  /// on it.
  int threads = 0;
  /// Highest kernel level to use: "reference", "avx2", "avx512" or "amx". If empty, the environment
  /// variable SAPIENS_ISA decides, and without it the best level of this CPU is used.
  std::string isa = {};
  Precision precision = Precision::Auto;  ///< Arithmetic of linear layers and attention.
  Progress loading = {};                  ///< Called while weights are loaded.
};

/// Options of `Encoder::run`.
struct FeatureOptions {
  /// Forms of the output, each at most once; one pass computes all of them.
  std::vector<OutType> out_types = {OutType::Featmap};
  /// Indices of the blocks whose output is returned; negative indices count from the end; empty:
  /// the last block. As in the original, only the output of the last block passes the final norm.
  std::vector<Index> layers = {};
  bool norm_layers = false;  ///< Apply the final norm to every returned block.
  Progress progress = {};    ///< Called after every block.
  StopCheck check = {};      ///< Called more often, also within blocks.
};

/// The output of one block in one form for a batch of B images.
struct LayerFeatures {
  Index layer = 0;                      ///< 0-based index of the block.
  OutType out_type = OutType::Featmap;  ///< Form of `values`.
  /// [B, C, gh, gw], [B, tokens, C], [B, R, C] or [B, C], depending on `out_type`.
  FloatArray values = {};
};

/// Converts the raw tokens [tokens, C] of one image to the map [C, gh, gw] of its patches, which
/// are the last tokens. Throws `Error(ShapeMismatch)` when the tokens do not match `grid`.
FloatArray featmap_of_tokens(TensorView<const float, 2> tokens, Grid grid);

/// The result of `Encoder::run`.
struct FeatureRun {
  /// The blocks that were asked for, ascending; of each one entry per form, in the order of
  /// `FeatureOptions::out_types`.
  std::vector<LayerFeatures> layers = {};
  RunStats stats = {};  ///< Durations of this run.
};

/// Properties of a loaded model on this machine.
struct EngineStats {
  int threads = 0;                     ///< Threads that compute.
  std::string isa = {};                ///< Kernel levels in use: "reference+avx2+avx512".
  std::string precision = {};          ///< Arithmetic in use: "fp32", "bf16" or "int8".
  std::uint64_t l2_bytes = 0;          ///< L2 cache of each thread, which decides how work is cut.
  std::uint64_t weight_bytes = 0;      ///< Memory of the packed weights.
  std::uint64_t activation_bytes = 0;  ///< Memory of the largest forward pass so far.
  double load_seconds = 0;             ///< Duration of loading.
  /// With int8: weights that are not rounded to 8 bits, by their names in this library, because
  /// that would lose too much. Their layers compute in bf16 where that is fast, or in fp32.
  std::vector<std::string> unquantized = {};
};

/// A loaded encoder. Calls of `run` on one encoder must not overlap (see SharedModel); `const`
/// methods may be called from other threads meanwhile. Two encoders are independent. After a move,
/// the source may only be assigned to or destroyed.
class Encoder {
 public:
  /// Loads the encoder; `checkpoint` may be destroyed afterwards. Throws `Error`: CheckpointRefused
  /// with the complete report when a parameter is missing or contains NaN or infinity, unless
  /// `model.allow_partial`; InvalidArgument when `heads` or `grid` is required but not set;
  /// UnsupportedHardware for an `isa` that this CPU lacks; OutOfResources.
  explicit Encoder(const Checkpoint& checkpoint, const ModelOptions& model = {},
                   const EngineOptions& engine = {});

  /// Creates an encoder with random weights in memory, for benchmarks.
  static Encoder random(const SynthOptions& synth, const EngineOptions& engine = {});

  Encoder(Encoder&&) noexcept;
  Encoder& operator=(Encoder&&) noexcept;
  Encoder(const Encoder&) = delete;
  Encoder& operator=(const Encoder&) = delete;
  ~Encoder();

  /// The report of the checkpoint. Lives as long as this encoder.
  const Inspection& inspection() const;
  /// True when `allow_partial` let parameters be zero, NaN or infinite: outputs are not meaningful
  /// and must be marked.
  bool partial() const;
  /// The input size of the model in pixels, such as 1024x1024.
  Grid input_size() const;
  /// Threads, instruction set, precision and memory.
  EngineStats stats() const;

  /// Resizes `image` to `size` in pixels (default: the input size), normalises it and returns
  /// [3, H, W]. Throws `Error(InvalidArgument)` for an image whose buffer does not match its size,
  /// for a size below 16 and, with Sapiens2, for a size that is not a multiple of 16 and for
  /// `PreprocessMode::Lite`.
  FloatArray preprocess(const Image& image, PreprocessMode mode = PreprocessMode::Full,
                        std::optional<Grid> size = std::nullopt, const StopCheck& check = {}) const;

  /// Runs the encoder on a batch of preprocessed images [3, H, W], with H and W of at least 16. The
  /// images are not copied. Throws `Error`: ShapeMismatch for images of different sizes,
  /// InvalidArgument for options that the model does not support, OutOfResources.
  FeatureRun run(std::span<const TensorView<const float, 3>> images,
                 const FeatureOptions& options = {});

  /// The same for a batch in one array [B, 3, H, W].
  FeatureRun run(TensorView<const float, 4> input, const FeatureOptions& options = {});

  /// Preprocesses one image to the input size and runs the encoder on it; B is 1.
  FeatureRun run(const Image& image, const FeatureOptions& options = {});

  /// Converts `FeatureOptions::layers` to the blocks that are returned: indices from 0, ascending,
  /// without duplicates. Throws `Error(InvalidArgument)` for a block that the model does not have.
  std::vector<Index> resolve_layers(std::span<const Index> layers) const;

  /// Throws `Error(InvalidArgument)` if there are no `out_types`, if one occurs twice, or if one
  /// needs a class token or registers and the model has none.
  void expect_out_types(std::span<const OutType> out_types) const;

  /// Throws `Error(InvalidArgument)` for Lite if the family of the model has no lite scripts.
  void expect_preprocess(PreprocessMode mode) const;

  /// Where the patches of a featmap lie in an image of `image` pixels that was resized to `input`.
  PatchPlacement patch_placement(Grid image, Grid input) const;

  /// The shapes of all output types, per image, for an input of `size` pixels.
  OutputShapes output_shapes(Grid size) const;

 private:
  struct Impl;
  explicit Encoder(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sapiens

#pragma once

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
#include "sapiens/precision.hpp"
#include "sapiens/report.hpp"
#include "sapiens/run.hpp"
#include "sapiens/stop_check.hpp"
#include "sapiens/tensor_view.hpp"

namespace sapiens {

/// How an image becomes the network's input.
enum class PreprocessMode {
  Full,  ///< As in training: Pillow's antialiased bicubic and the exact ImageNet constants.
  Lite,  ///< As the original's lite scripts: OpenCV bilinear and rounded constants.
};

enum class OutType {
  Featmap,     ///< Patch tokens as [C, gh, gw].
  Raw,         ///< All tokens as [tokens, C]; the cls token first where there is one.
  ClsToken,    ///< [C]
  AvgFeatmap,  ///< [C]: LayerNorm (weight 1, bias 0) of the mean patch token.
};

/// What the machine is asked to do.
struct EngineOptions {
  int threads =
      0;  ///< 0: every core this process may use (affinity and container quota respected).
  std::string isa = {};  ///< Highest kernel level: "reference", "avx2", "avx512", "amx"; empty:
                         ///< SAPIENS_ISA, then the best.
  Precision precision = Precision::Auto;
  Progress loading = {};  ///< Told about the progress of loading weights.
};

/// What to compute.
struct FeatureOptions {
  OutType out_type = OutType::Featmap;
  /// Blocks to emit, negative from the end; empty means the last one. As in the original, only the
  /// last block passes through the final norm.
  std::vector<Index> layers = {};
  bool norm_layers = false;  ///< Pass every emitted block through the final norm.
  Progress progress = {};    ///< Told after every block; may throw to stop.
  StopCheck check = {};      ///< Called within blocks, too.
};

/// One emitted block: `values` is [B, C, gh, gw], [B, tokens, C] or [B, C], by the options'
/// `out_type`.
struct LayerFeatures {
  Index layer = 0;  ///< 0-based index of the block.
  FloatArray values = {};
};

/// Raw tokens [tokens, C] of one image as the map [C, gh, gw] of its patches; a class token is left
/// out.
FloatArray featmap_of_tokens(TensorView<const float, 2> tokens, Grid grid);

/// The features of one run.
struct FeatureRun {
  std::vector<LayerFeatures> layers = {};  ///< One per emitted block, in ascending order.
  RunStats stats = {};
};

/// What a loaded model runs on, and what it takes.
struct EngineStats {
  int threads = 0;
  std::string isa = {};                ///< "reference+avx2+avx512"
  std::string precision = {};          ///< What is computed in: "fp32", "bf16" or "int8".
  std::uint64_t weight_bytes = 0;      ///< Packed weights.
  std::uint64_t activation_bytes = 0;  ///< Scratch of the largest forward pass so far.
  double load_seconds = 0;
};

/// A loaded encoder. One forward pass at a time; two encoders in one process share nothing.
class Encoder {
 public:
  /// Loads the encoder of `checkpoint`. Throws `Error(CheckpointRefused)` with the whole report
  /// when a parameter has no value or holds NaN or infinity, unless `model.allow_partial`;
  /// InvalidArgument when heads or grid must be given.
  explicit Encoder(const Checkpoint& checkpoint, const ModelOptions& model = {},
                   const EngineOptions& engine = {});

  /// An encoder with random weights that never touched a file, for benchmarks.
  static Encoder random(const SynthOptions& synth, const EngineOptions& engine = {});

  Encoder(Encoder&&) noexcept;
  Encoder& operator=(Encoder&&) noexcept;
  Encoder(const Encoder&) = delete;
  Encoder& operator=(const Encoder&) = delete;
  ~Encoder();

  const Inspection& inspection() const;
  /// True when parameters were left at zero: whatever comes out must be marked.
  bool partial() const;
  /// The input size in pixels this model was configured for, e.g. 1024x1024.
  Grid input_size() const;
  EngineStats stats() const;

  /// Resizes `image` to `size` (the native size if empty), normalises it and returns [3, H, W].
  FloatArray preprocess(const Image& image, PreprocessMode mode = PreprocessMode::Full,
                        std::optional<Grid> size = std::nullopt, const StopCheck& check = {}) const;

  /// Runs the encoder on images [3, H, W] of one size, already normalised. Any H and W of at least
  /// 16. The images are read where they are. Throws ShapeMismatch for images of several sizes.
  FeatureRun run(std::span<const TensorView<const float, 3>> images,
                 const FeatureOptions& options = {});

  /// The same for images in one array, [B, 3, H, W].
  FeatureRun run(TensorView<const float, 4> input, const FeatureOptions& options = {});

  /// Preprocesses one image and runs it.
  FeatureRun run(const Image& image, const FeatureOptions& options = {});

  /// The blocks that options with `layers` will emit: counted from 0, ascending, each once. Throws
  /// InvalidArgument for a block the model does not have.
  std::vector<Index> resolve_layers(std::span<const Index> layers) const;

  /// Throws InvalidArgument for the class token of a model that has none.
  void expect_out_type(OutType out_type) const;

  /// Shapes of the outputs for an input of `size` pixels.
  OutputShapes output_shapes(Grid size) const;

 private:
  struct Impl;
  explicit Encoder(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sapiens

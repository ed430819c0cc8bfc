#pragma once

#include <algorithm>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sapiens/checkpoint.hpp"
#include "sapiens/image.hpp"
#include "sapiens/precision.hpp"
#include "sapiens/report.hpp"
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
struct FeatureRequest {
  OutType out_type = OutType::Featmap;
  /// Blocks to emit, negative from the end; empty means the last one. As in the original, only the
  /// last block passes through the final norm.
  std::vector<Index> layers = {};
  bool norm_layers = false;  ///< Pass every emitted block through the final norm.
  Progress progress = {};    ///< Told after every block; may throw to stop.
  StopCheck check = {};      ///< Called within blocks, too.
};

/// A dense array of float32 that owns its numbers.
struct FloatArray {
  std::vector<Index> shape = {};
  std::vector<float> values = {};

  /// The numbers as a view, valid as long as this array stays as it is. Throws ShapeMismatch unless
  /// the array has `Rank` axes.
  template <int Rank>
  TensorView<const float, Rank> view() const {
    typename TensorView<const float, Rank>::Extents extents;
    if (shape.size() != extents.size()) {
      extents.fill(kAny);
      throw_shape_mismatch("array", extents, shape);
    }
    std::copy(shape.begin(), shape.end(), extents.begin());
    return {values.data(), extents};
  }
};

/// One emitted block: `values` is [B, C, gh, gw], [B, tokens, C] or [B, C], by the request's
/// `out_type`.
struct LayerFeatures {
  Index layer = 0;  ///< 0-based index of the block.
  FloatArray values = {};
};

/// One kind of step of a forward pass.
struct OperatorTime {
  std::string name = {};  ///< "qkv", "attention", "layer_norm", ...
  Index calls = 0;
  double seconds = 0;  ///< Of all calls.
  double gflop = 0;    ///< Of all calls, two per multiply-add; 0 where it is not about arithmetic.
  double gbytes = 0;   ///< Read and written by all calls; 0 where it is about arithmetic.
  std::string arithmetic = {};  ///< What the multiply-adds ran in: "fp32", "bf16", "int8" or "".
};

/// Seconds of the steps from an image to a result.
struct StageTimes {
  double preprocess = 0;  ///< 0 where the caller called `prepare` itself.
  double encoder = 0;
  double head = 0;
  double post = 0;  ///< From the head's output to the result.
};

/// Where memory and time went, for `sapiens bench` and the demo.
struct EngineStats {
  int threads = 0;
  std::string isa = {};                ///< "reference+avx2+avx512"
  std::string precision = {};          ///< What was computed in: "fp32", "bf16" or "int8".
  std::uint64_t weight_bytes = 0;      ///< Packed weights.
  std::uint64_t activation_bytes = 0;  ///< Scratch of the largest forward pass so far.
  double load_seconds = 0;
  double forward_seconds = 0;                ///< Of the last call.
  StageTimes stages = {};                    ///< Of the last call of a TaskModel.
  std::vector<OperatorTime> operators = {};  ///< Of the last call, in the order they first ran.
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

  /// Runs the encoder on [B, 3, H, W], already normalised. Any H and W of at least 16.
  /// Returns one entry per requested layer, in ascending order of blocks.
  std::vector<LayerFeatures> run(TensorView<const float, 4> input,
                                 const FeatureRequest& request = {});

  /// Preprocesses one image and runs it.
  std::vector<LayerFeatures> run(const Image& image, const FeatureRequest& request = {});

  /// The blocks that a request for `layers` will emit: counted from 0, ascending, each once. Throws
  /// InvalidArgument for a block the model does not have.
  std::vector<Index> resolve_layers(std::span<const Index> layers) const;

  /// Shapes of the outputs for an input of `size` pixels.
  OutputShapes output_shapes(Grid size) const;

 private:
  struct Impl;
  explicit Encoder(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sapiens

#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <vector>

#include "core/workspace.hpp"
#include "model/config.hpp"
#include "model/param_loader.hpp"
#include "nn/ops.hpp"
#include "sapiens/tensor_view.hpp"

namespace sapiens {

/// In the order of the checkpoint's layers.
struct HeadWeights {
  std::vector<DeconvWeights> deconvs = {};  // deconv_layers.{3i}  [in, out, 4, 4]
  std::vector<LinearWeights> convs = {};    // conv_layers.{3i}    [out, in, 1, 1]
  LinearWeights final = {};                 // final_layer, or conv_seg

  std::size_t bytes() const noexcept;
};

struct LoadedHead {
  HeadWeights weights;
  std::vector<NonFinite> non_finite;  ///< In checkpoint order.
};

/// Throws `Error(CheckpointRefused)` for a head that the original's configurations never build:
/// transposed convolutions of another kernel than 4, others than 1x1.
void expect_known_kernels(const HeadConfig& config);

/// As `load_encoder`. Throws as `expect_known_kernels` does.
LoadedHead load_head(const HeadConfig& config, const ParamSource& source, const Ops& ops,
                     const std::function<void(double)>& progress = {});

/// A task head: patch tokens in, a map of heatmaps, logits, depths or normals out.
///
///   x = silu(norm(deconv(x)))    each doubles height and width
///   x = silu(norm(conv(x)))
///   y = final(x)
class Head {
 public:
  /// Weights and ops must outlive this object.
  Head(const HeadConfig& config, const HeadWeights& weights, const Ops& ops);

  Grid output_size(Grid patches) const noexcept;

  /// `tokens` [patches, D], after the final norm, without class token; `out` [pixels of
  /// output_size, outputs]. Allocates only from `ws`.
  void forward(ConstMatrix tokens, Grid patches, Matrix out, Workspace& ws) const;

 private:
  // The map that a layer writes: `pixels` rows per patch, in one of two buffers.
  struct Map {
    Index pixels, columns;
    std::size_t buffer;
  };
  std::array<std::size_t, 2> buffer_bytes(Index patches) const noexcept;

  const HeadWeights& weights_;
  const Ops& ops_;
  std::vector<Map> maps_;  // of all layers but the final one
  Index in_, outputs_, most_columns_ = 0;
};

}  // namespace sapiens

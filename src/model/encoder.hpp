#pragma once

#include <functional>
#include <span>

#include "core/workspace.hpp"
#include "model/config.hpp"
#include "model/encoder_layers.hpp"
#include "nn/ops.hpp"
#include "sapiens/tensor_view.hpp"

namespace sapiens {

/// Requests the tokens after a block, and where to store them.
struct EncoderTap {
  Index layer = 0;                   ///< 0-based block.
  bool norm = false;                 ///< Pass them through the final norm.
  TensorView<float, 3> tokens = {};  ///< [B, T, C]; the class token first where there is one.
};

/// The pass of a vision transformer: images in, one feature vector per patch out.
class EncoderNetwork {
 public:
  /// Layers and ops must outlive this object.
  EncoderNetwork(const EncoderConfig& config, const EncoderLayers& layers, const Ops& ops)
      : config_(config), layers_(layers), ops_(ops) {}

  /// Runs B `images` [3, H, W] of one size, normalised, up to the last block with a tap.
  /// `positions` is the table of `layers` for the grid of this input, T rows. Taps are in ascending
  /// order of blocks. Allocates only from `ws`. `progress` receives the fraction of blocks done;
  /// its exceptions stop the pass.
  void forward(std::span<const TensorView<const float, 3>> images, ConstMatrix positions,
               std::span<const EncoderTap> taps, Workspace& ws,
               const std::function<void(double)>& progress = {}) const;

  /// The pass of the masked autoencoder: of one `image` [3, H, W] only the patches `kept` go
  /// through the blocks, in that order, behind the class token where there is one. `tokens` [1 +
  /// kept, C] are those after the last block and the final norm.
  void forward_masked(TensorView<const float, 3> image, ConstMatrix positions,
                      std::span<const Index> kept, Matrix tokens, Workspace& ws,
                      const std::function<void(double)>& progress = {}) const;

 private:
  void take(TensorView<const float, 3> x, const EncoderTap& tap, Workspace& ws) const;

  EncoderConfig config_;
  const EncoderLayers& layers_;
  const Ops& ops_;
};

}  // namespace sapiens

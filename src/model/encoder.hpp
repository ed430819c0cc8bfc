#pragma once

#include <functional>
#include <span>

#include "core/workspace.hpp"
#include "model/config.hpp"
#include "model/weights.hpp"
#include "nn/ops.hpp"
#include "sapiens/tensor_view.hpp"

namespace sapiens {

/// Requests the tokens after a block, and where to store them.
struct EncoderTap {
  Index layer = 0;                   ///< 0-based block.
  bool norm = false;                 ///< Pass them through the final norm.
  TensorView<float, 3> tokens = {};  ///< [B, T, C]; the class token first where there is one.
};

/// The plain ViT of Sapiens: images in, one feature vector per patch out.
class EncoderNetwork {
 public:
  /// Weights and ops must outlive this object.
  EncoderNetwork(const EncoderConfig& config, const EncoderWeights& weights, const Ops& ops);

  /// Runs B `images` [3, H, W] of one size, normalised, up to the last block with a tap.
  /// `positions` is `pos_embed` for the grid of this input, [T, C]. Taps are in ascending order of
  /// blocks. Allocates only from `ws`. `progress` receives the fraction of blocks done; its
  /// exceptions stop the pass.
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
  // Only these three functions depend on the family of encoders; passes, taps and masks are the
  // same for every ViT.
  //
  // x = [cls, patches] + positions, [B, T, C].
  void embed(std::span<const TensorView<const float, 3>> images, ConstMatrix positions,
             TensorView<float, 3> x, Workspace& ws) const;
  // x = block i of x, [B, T, C].
  void run_layer(Index i, TensorView<float, 3> x, Workspace& ws) const;
  // y = the norm after the last block of x, [B, T, C]; y may be x.
  void final_norm(TensorView<const float, 3> x, TensorView<float, 3> y, Workspace& ws) const;

  void take(TensorView<const float, 3> x, const EncoderTap& tap, Workspace& ws) const;

  EncoderConfig config_;
  const EncoderWeights& weights_;
  const Ops& ops_;
};

}  // namespace sapiens

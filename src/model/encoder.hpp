#pragma once

#include <cstddef>
#include <functional>
#include <span>

#include "core/workspace.hpp"
#include "model/config.hpp"
#include "model/weights.hpp"
#include "nn/ops.hpp"
#include "sapiens/tensor_view.hpp"

namespace sapiens {

/// A block whose tokens are wanted, and where to put them.
struct EncoderTap {
  Index layer = 0;                   ///< 0-based block.
  bool norm = false;                 ///< Pass them through the final norm.
  TensorView<float, 3> tokens = {};  ///< [B, T, C]; the class token first where there is one.
};

/// The plain ViT of Sapiens: images in, one feature vector per patch out.
class EncoderNetwork {
 public:
  /// Borrows weights and ops; both must outlive this object.
  EncoderNetwork(const EncoderConfig& config, const EncoderWeights& weights, const Ops& ops);

  /// Runs B `images` [3, H, W] of one size, normalised, up to the last block that a tap wants.
  /// `positions` is `pos_embed` for the grid of this input, [T, C]. Taps are in ascending order of
  /// blocks. Allocates only from `ws`. `progress` is told the share of blocks done, and may throw
  /// to stop.
  void forward(std::span<const TensorView<const float, 3>> images, ConstMatrix positions,
               std::span<const EncoderTap> taps, Workspace& ws,
               const std::function<void(double)>& progress = {}) const;

  /// The pass of the masked autoencoder: of one `image` [3, H, W] only the patches `kept` go
  /// through the blocks, in that order, behind the class token where there is one. `tokens` [1 +
  /// kept, C] are those after the last block and the final norm.
  void forward_masked(TensorView<const float, 3> image, ConstMatrix positions,
                      std::span<const Index> kept, Matrix tokens, Workspace& ws,
                      const std::function<void(double)>& progress = {}) const;

  /// Bytes of scratch that `forward` takes for a batch of `batch` images of `tokens` tokens;
  /// `forward_masked` takes no more than for one image with all its tokens.
  std::size_t workspace_bytes(Index batch, Index tokens) const;

 private:
  // x = [cls, patches] + positions, [B, T, C].
  void embed(std::span<const TensorView<const float, 3>> images, ConstMatrix positions,
             TensorView<float, 3> x, Workspace& ws) const;

  EncoderConfig config_;
  const EncoderWeights& weights_;
  const Ops& ops_;
};

/// The pixels under each patch, in the order of the convolution's weights: `patches` is [gh * gw, 3
/// * 16 * 16]. Pixels outside the image are zero, on every side with `padding`, right and bottom
/// without.
void gather_patches(TensorView<const float, 3> image, Grid grid, Index padding, Matrix patches,
                    const ThreadPool& pool);

}  // namespace sapiens

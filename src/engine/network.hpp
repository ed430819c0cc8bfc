#pragma once

#include <memory>
#include <span>
#include <vector>

#include "engine/runtime.hpp"
#include "model/encoder.hpp"
#include "model/encoder_layers.hpp"

namespace sapiens {

/// An encoder with its runtime, which all models share. Forward passes must not overlap.
class Network : public Runtime {
 public:
  Network(const EncoderConfig& config, const EngineOptions& options);

  /// Fills the encoder's weights; called once, before the first pass.
  void load(const ParamSource& source, const Progress& progress);

  /// The grid of patches of `images` [3, H, W]. Throws `Error(ShapeMismatch)` for no image, for
  /// images of different sizes, for images smaller than a patch and, with Sapiens2, for sizes that
  /// are no multiples of one.
  Grid grid_of(std::span<const TensorView<const float, 3>> images) const;
  Index tokens(Grid grid) const noexcept { return config_.extra_tokens() + grid.patches(); }

  /// Runs the encoder; see EncoderNetwork::forward.
  void forward(std::span<const TensorView<const float, 3>> images, std::span<const EncoderTap> taps,
               const Progress& progress);

  /// The pass of the masked autoencoder; see EncoderNetwork::forward_masked.
  void forward_masked(TensorView<const float, 3> image, std::span<const Index> kept, Matrix tokens,
                      const Progress& progress);

  const EncoderLayers& layers() const noexcept { return *layers_; }
  const EncoderConfig& config() const noexcept { return config_; }
  const std::vector<NonFinite>& non_finite() const noexcept { return non_finite_; }

 private:
  ConstMatrix positions_for(Grid grid);

  EncoderConfig config_;
  std::unique_ptr<EncoderLayers> layers_;
  std::vector<NonFinite> non_finite_;
  Grid grid_ = {};  // of the last input
  std::vector<float> position_storage_;
  ConstMatrix positions_ = {};  // for `grid_`
};

}  // namespace sapiens

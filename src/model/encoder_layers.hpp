#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/workspace.hpp"
#include "model/config.hpp"
#include "model/param_loader.hpp"
#include "nn/ops.hpp"
#include "sapiens/tensor_view.hpp"

namespace sapiens {

/// The loaded layers of an encoder: everything that differs between the families. Passes, taps and
/// masks (`EncoderNetwork`) are the same for every vision transformer.
///
/// B = images, T = tokens of one image, C = width.
class EncoderLayers {
 public:
  virtual ~EncoderLayers() = default;

  /// The table of positions for inputs with `grid`, one row per token; its columns depend on the
  /// family. It refers to the weights or to `storage`, which is filled where necessary.
  virtual ConstMatrix positions(Grid grid, std::vector<float>& storage) const = 0;

  /// x = the tokens that go into the first block, [B, T, C], from B `images` [3, H, W] of one size.
  virtual void embed(const Ops& ops, std::span<const TensorView<const float, 3>> images,
                     ConstMatrix positions, TensorView<float, 3> x, Workspace& ws) const = 0;
  /// x = block `i` of x, [B, T, C].
  virtual void run_block(const Ops& ops, Index i, ConstMatrix positions, TensorView<float, 3> x,
                         Workspace& ws) const = 0;
  /// y = the norm after the last block of x, [rows, C]; y may be x.
  virtual void final_norm(const Ops& ops, ConstMatrix x, Matrix y, Workspace& ws) const = 0;
  /// `average` [C] = `avg_featmap` of the patch tokens of one image [N, C], into host memory.
  virtual void read_average(const Ops& ops, ConstMatrix patches,
                            std::span<float> average) const = 0;

  virtual std::size_t bytes() const noexcept = 0;
};

struct LoadedEncoder {
  std::unique_ptr<EncoderLayers> layers;
  /// In checkpoint order; the caller decides what to do about them.
  std::vector<NonFinite> non_finite = {};
  /// Weights that Int8 did not round to 8 bits because that would lose too much.
  std::vector<std::string> unquantized = {};
};

/// Reads, converts and packs every parameter of the encoder, each touched once and never held
/// twice; `progress` receives the fraction of values done.
LoadedEncoder load_encoder(const EncoderConfig& config, const ParamSource& source, const Ops& ops,
                           const std::function<void(double)>& progress = {});

/// The layers of each family, loaded from `params`.
std::unique_ptr<EncoderLayers> load_sapiens(const EncoderConfig& config, ParamLoader& params);
std::unique_ptr<EncoderLayers> load_sapiens2(const EncoderConfig& config, ParamLoader& params);

}  // namespace sapiens

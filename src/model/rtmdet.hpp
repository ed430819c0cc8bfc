#pragma once

#include <functional>
#include <span>

#include "core/workspace.hpp"
#include "model/rtmdet_weights.hpp"
#include "nn/ops.hpp"
#include "sapiens/report.hpp"
#include "sapiens/tensor_view.hpp"

namespace sapiens {

/// The output of the network for each point of a grid: point (x, y) lies at pixel (x stride,
/// y stride) of the input. Rows are points.
struct DetectorLevel {
  Index stride = 0;
  Grid size = {};
  Matrix logits;     ///< [points, 1]: logit of the class person.
  Matrix distances;  ///< [points, 4]: from the point to the person's left, top, right and bottom
                     ///< edge, in pixels.
};

/// RTMDet: the CSPNeXt backbone, the PAFPN neck and the head of three levels.
class RtmDet {
 public:
  /// Weights and ops must outlive this object.
  RtmDet(const RtmDetWeights& weights, const Ops& ops) : weights_(weights), ops_(ops) {}

  /// The points of an input of `size` pixels.
  static Grid level_size(Grid size, Index stride) noexcept {
    return {size.height / stride, size.width / stride};
  }

  /// `image` [pixels of `size`, 3], normalised, blue first; height and width are multiples of 32.
  /// Fills the three `levels`, in order of their strides. Allocates only from `ws`. `progress`
  /// receives the fraction of steps done.
  void forward(ConstMatrix image, Grid size, std::span<const DetectorLevel> levels, Workspace& ws,
               const std::function<void(double)>& progress = {}) const;

 private:
  const RtmDetWeights& weights_;
  const Ops& ops_;
};

}  // namespace sapiens

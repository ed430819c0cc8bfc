#pragma once

#include <array>

#include "model/detect.hpp"
#include "sapiens/tensor_view.hpp"

namespace sapiens {

inline constexpr std::array<Index, 3> kDetectorStrides{8, 16, 32};  // one per level
inline constexpr Index kDetectorSide = 640;  // of the square that persons are searched in
/// Of every batch norm. What the original's configuration says; PyTorch's BatchNorm2d has the same
/// by default.
inline constexpr double kDetectorEpsilon = 1e-5;

/// The geometry of an RTMDet. Its published sizes differ in widths and numbers of blocks.
struct RtmDetConfig {
  std::array<Index, 3> stem{24, 24, 48};
  std::array<Index, 4> widths{96, 192, 384, 768};  ///< Of the backbone's stages.
  std::array<Index, 4> blocks{2, 4, 4, 2};         ///< In each stage.
  Index neck_blocks = 2;
  Index head_width = 192;
  Index head_convs = 2;  ///< In each branch, before the final one.

  friend bool operator==(const RtmDetConfig&, const RtmDetConfig&) = default;
};

/// RTMDet-m, the published person detector.
constexpr RtmDetConfig published_rtmdet_m() noexcept { return {}; }

/// True where `offered` has a head of RTMDet.
bool has_rtmdet_head(const OfferedShapes& offered);

/// Reads the geometry from the tensors. Values that cannot be read default to those of RTMDet-m, so
/// that the missing tensors are reported.
RtmDetConfig detect_rtmdet(const OfferedShapes& offered);

/// The number of classes of the head; 0 if unknown.
Index rtmdet_classes(const OfferedShapes& offered);

}  // namespace sapiens

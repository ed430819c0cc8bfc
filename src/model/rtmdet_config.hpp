#pragma once

#include <array>

#include "model/detect.hpp"
#include "sapiens/tensor_view.hpp"

namespace sapiens {

inline constexpr std::array<Index, 3> kDetectorStrides{8, 16, 32};  // of the three levels

/// The sizes of an RTMDet. The sizes of that family differ in widths and in numbers of blocks.
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

/// Reads the sizes from the tensors; what is not there is taken as in RTMDet-m, so that its absence
/// is reported.
RtmDetConfig detect_rtmdet(const OfferedShapes& offered);

/// How many kinds of things the file's head tells apart; 0 where it cannot be seen.
Index rtmdet_classes(const OfferedShapes& offered);

}  // namespace sapiens

#pragma once

#include <string_view>

namespace sapiens {

/// Families of networks. What differs between those of encoders: `EncoderLayers`.
enum class Family {
  Sapiens,   ///< Encoders: a plain ViT with a table of positions.
  Sapiens2,  ///< Encoders with rotary positions, registers, grouped attention, RMSNorm and SwiGLU.
  Detector,  ///< RTMDet.
};

/// What the number of a block follows in canonical names, behind "backbone.".
constexpr std::string_view block_names(Family family) noexcept {
  return family == Family::Sapiens2 ? "blocks." : "layers.";
}

}  // namespace sapiens

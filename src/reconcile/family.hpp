#pragma once

namespace sapiens {

/// Families of networks. What differs between those of encoders: `EncoderLayers`.
enum class Family {
  Sapiens,   ///< Encoders: a plain ViT with a table of positions.
  Sapiens2,  ///< Encoders with rotary positions, registers, grouped attention, RMSNorm and SwiGLU.
  Detector,  ///< RTMDet.
};

}  // namespace sapiens

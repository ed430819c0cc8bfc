#pragma once

#include <string_view>

namespace sapiens {

/// The arithmetic of the linear layers and of attention. The residual stream, layer norms and the
/// statistics of softmax are fp32 in all of them.
enum class Precision {
  Auto,  ///< Bf16 where the CPU computes faster with it, else Fp32.
  Fp32,  ///< Weights of a 16-bit file stay 16 bits wide in memory; the results are the same.
  Bf16,  ///< bf16 operands, fp32 sums.
  Int8,  ///< Linear layers with 8-bit weights (one scale per output) and 8-bit activations (one
         ///< scale per token); attention in bf16 where the CPU is fast at it, else in fp32.
};

/// "auto", "fp32", "bf16", "int8".
constexpr std::string_view precision_name(Precision precision) noexcept {
  switch (precision) {
    case Precision::Auto:
      return "auto";
    case Precision::Fp32:
      return "fp32";
    case Precision::Bf16:
      return "bf16";
    case Precision::Int8:
      return "int8";
  }
  return "?";
}

}  // namespace sapiens

#pragma once

#include <string_view>

namespace sapiens {

/// The arithmetic of the linear layers and of attention. The residual stream, layer norms and the
/// statistics of softmax are fp32 in all of them.
enum class Precision {
  Auto,  ///< Bf16 if this CPU has fast bf16 instructions, else Fp32.
  Fp32,  ///< fp32. Weights of 16-bit files stay 16 bits wide in memory, with equal results.
  Bf16,  ///< bf16 operands, fp32 sums.
  Int8,  ///< Linear layers with 8-bit weights (one scale per output) and 8-bit activations (one
         ///< scale per token); attention as with Auto.
};

/// The name in every interface: "auto", "fp32", "bf16", "int8".
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

#pragma once

#include <memory>
#include <span>

#include "kernels/kernel_table.hpp"
#include "sapiens/tensor_view.hpp"

namespace sapiens {

/// What oneDNN multiplies; sums are fp32, or exact for S8.
enum class OneDnnOperand { F32, Bf16, S8 };

struct OneDnnShape {
  OneDnnOperand operand = OneDnnOperand::F32;
  Index rows = 0, in = 0, out = 0;
  Epilogue epilogue = Epilogue::Store;
  ActivationType y_type = ActivationType::F32;
};

/// A linear layer by oneDNN's matmul: y = x W^T + b, then gelu or y +=, on x [rows, in] and
/// W [out, in]. oneDNN takes as many threads as OMP_NUM_THREADS says.
///
/// With S8 operands x and W are multiplied by 127 / 4 and rounded, which is static quantisation: a
/// benchmark of the arithmetic, no reference for results.
class OneDnnLinear {
 public:
  /// Converts and packs. Throws dnnl::error where oneDNN cannot do it on this CPU.
  OneDnnLinear(const OneDnnShape& shape, std::span<const float> weight,
               std::span<const float> bias);
  ~OneDnnLinear();
  OneDnnLinear(const OneDnnLinear&) = delete;
  OneDnnLinear& operator=(const OneDnnLinear&) = delete;

  void set_x(std::span<const float> x);
  void set_y(std::span<const float> y);
  void run();
  void get_y(std::span<float> y) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sapiens

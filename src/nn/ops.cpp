#include "nn/ops.hpp"

namespace sapiens {
namespace {

Precision resolved(Precision precision, const KernelTable& kernels) noexcept {
  if (precision != Precision::Auto) return precision;
  return kernels.fast_bf16 ? Precision::Bf16 : Precision::Fp32;
}

}  // namespace

Ops::Ops(const KernelTable& kernels, const ThreadPool& pool, Precision precision) noexcept
    : kernels_(&kernels), pool_(&pool), precision_(resolved(precision, kernels)) {}

ActivationType Ops::activation_type() const noexcept {
  const bool bf16 =
      precision_ == Precision::Bf16 || (precision_ == Precision::Int8 && kernels_->fast_bf16);
  return bf16 ? ActivationType::Bf16 : ActivationType::F32;
}

const LinearKernel& Ops::linear_kernel(DType stored, bool quantized) const noexcept {
  if (precision_ == Precision::Int8 && quantized) return kernels_->linear_s8;
  if (activation_type() == ActivationType::Bf16) return kernels_->linear_bf16;
  if (stored == DType::BF16) return kernels_->linear_f32_from_bf16;
  if (stored == DType::F16) return kernels_->linear_f32_from_f16;
  return kernels_->linear_f32;
}

const AttentionKernel& Ops::attention_kernel() const noexcept {
  return activation_type() == ActivationType::Bf16 ? kernels_->attention_bf16 : kernels_->attention;
}

std::string_view Ops::arithmetic(const LinearKernel& kernel) const noexcept {
  if (&kernel == &kernels_->linear_s8) return precision_name(Precision::Int8);
  return precision_name(&kernel == &kernels_->linear_bf16 ? Precision::Bf16 : Precision::Fp32);
}

std::string_view Ops::arithmetic(const AttentionKernel& kernel) const noexcept {
  return precision_name(&kernel == &kernels_->attention_bf16 ? Precision::Bf16 : Precision::Fp32);
}

}  // namespace sapiens

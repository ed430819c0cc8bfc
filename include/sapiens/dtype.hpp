#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace sapiens {

/// How one element of a stored tensor is encoded.
enum class DType : std::uint8_t { F64, F32, F16, BF16, I64, I32, I16, I8, U8, Bool };

/// Bytes per element.
constexpr std::size_t dtype_size(DType dtype) noexcept {
  switch (dtype) {
    case DType::F64:
    case DType::I64:
      return 8;
    case DType::F32:
    case DType::I32:
      return 4;
    case DType::F16:
    case DType::BF16:
    case DType::I16:
      return 2;
    case DType::I8:
    case DType::U8:
    case DType::Bool:
      return 1;
  }
  return 0;
}

/// True for F64, F32, F16 and BF16.
constexpr bool is_floating(DType dtype) noexcept {
  return dtype == DType::F64 || dtype == DType::F32 || dtype == DType::F16 || dtype == DType::BF16;
}

/// The name in lower case: "f32", "bf16", "i64", "bool".
constexpr std::string_view dtype_name(DType dtype) noexcept {
  switch (dtype) {
    case DType::F64:
      return "f64";
    case DType::F32:
      return "f32";
    case DType::F16:
      return "f16";
    case DType::BF16:
      return "bf16";
    case DType::I64:
      return "i64";
    case DType::I32:
      return "i32";
    case DType::I16:
      return "i16";
    case DType::I8:
      return "i8";
    case DType::U8:
      return "u8";
    case DType::Bool:
      return "bool";
  }
  return "?";
}

/// True when all `values` are finite and stay finite when they are rounded to `dtype`. Magnitudes
/// of 65520 and above become infinite in F16, those of 3.396e38 and above in BF16.
bool is_storable(std::span<const float> values, DType dtype) noexcept;

}  // namespace sapiens

#pragma once

#include <cassert>
#include <concepts>
#include <cstddef>
#include <span>

#include "core/workspace.hpp"
#include "kernels/kernel_table.hpp"
#include "sapiens/tensor_view.hpp"

namespace sapiens {

/// A non-owning matrix of activations: float32, or bf16 if the next operator reads bf16.
/// The rows may lie apart, so that a part of the columns is a matrix, too. `Byte` is `std::byte`,
/// or `const std::byte` for numbers that are only read.
template <class Byte>
class ActivationView {
 public:
  ActivationView(Byte* data, ActivationType type, Index rows, Index columns, Index stride) noexcept
      : data_(data), type_(type), rows_(rows), columns_(columns), stride_(stride) {}

  /// A matrix of floats.
  template <class Float>
  requires std::same_as<const Float, const float> &&
      (!std::is_const_v<Float> || std::is_const_v<Byte>)
      // NOLINTNEXTLINE(google-explicit-constructor): it is one kind of activations
      ActivationView(TensorView<Float, 2> matrix) noexcept
      : ActivationView(reinterpret_cast<Byte*>(matrix.data()), ActivationType::F32,
                       matrix.extent(0), matrix.extent(1), matrix.strides()[0]) {}

  template <class Other>
  requires std::same_as<Byte, const Other> &&(!std::same_as<Byte, Other>)
      // NOLINTNEXTLINE(google-explicit-constructor): as for TensorView
      ActivationView(const ActivationView<Other>& other) noexcept
      : ActivationView(other.data(), other.type(), other.rows(), other.columns(), other.stride()) {}

  Byte* data() const noexcept { return data_; }
  ActivationType type() const noexcept { return type_; }
  Index rows() const noexcept { return rows_; }
  Index columns() const noexcept { return columns_; }
  /// Numbers from one row to the next.
  Index stride() const noexcept { return stride_; }

  /// Where the number in `row` and `column` is.
  Byte* at(Index row, Index column) const noexcept {
    return data_ + (row * stride_ + column) * bytes_per_number(type_);
  }
  ActivationView rows_from(Index first, Index count) const noexcept {
    assert(0 <= first && first + count <= rows_);
    return {at(first, 0), type_, count, columns_, stride_};
  }
  ActivationView first_columns(Index count) const noexcept {
    assert(count <= columns_);
    return {data_, type_, rows_, count, stride_};
  }
  ActivationView columns_from(Index first, Index count) const noexcept {
    assert(0 <= first && first + count <= columns_);
    return {at(0, first), type_, rows_, count, stride_};
  }

  static constexpr Index bytes_per_number(ActivationType type) noexcept {
    return type == ActivationType::F32 ? 4 : 2;
  }

 private:
  Byte* data_;
  ActivationType type_;
  Index rows_, columns_, stride_;
};

using Activations = ActivationView<std::byte>;
using ConstActivations = ActivationView<const std::byte>;

constexpr std::size_t activation_bytes(ActivationType type, Index rows, Index columns) noexcept {
  return static_cast<std::size_t>(rows * columns * Activations::bytes_per_number(type));
}

inline Activations take_activations(Workspace& ws, ActivationType type, Index rows, Index columns) {
  return {ws.bytes(activation_bytes(type, rows, columns)).data(), type, rows, columns, columns};
}

/// The statistics of InstanceNorm2d: z = (x - mean) * scale, channel by channel, with scale =
/// 1 / sqrt(variance + 1e-5) and the biased variance over all pixels.
struct ChannelNorm {
  std::span<float> mean, scale;
};

inline ChannelNorm take_channel_norm(Workspace& ws, Index channels) {
  return {.mean = ws.floats(channels), .scale = ws.floats(channels)};
}

/// Throws `Error(ShapeMismatch)` as `expect_shape` for views does; kAny takes any size.
inline void expect_shape(std::string_view name, ConstActivations a, std::array<Index, 2> wanted) {
  const std::array<Index, 2> actual{a.rows(), a.columns()};
  for (std::size_t axis = 0; axis < 2; ++axis) {
    if (wanted[axis] != kAny && wanted[axis] != actual[axis]) {
      throw_shape_mismatch(name, wanted, actual);
    }
  }
}

}  // namespace sapiens

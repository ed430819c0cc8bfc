#pragma once

#include <array>
#include <cassert>
#include <concepts>
#include <cstdint>
#include <span>
#include <string_view>

namespace sapiens {

/// Sizes and offsets of tensors, in elements.
using Index = std::int64_t;

/// A borrowed, row-major window onto numbers that somebody else owns.
///
/// Copying a view copies the window and never the numbers, so pass it by value.
/// The innermost axis is always dense; outer axes may be strided, which is how
/// one head of a fused QKV matrix is addressed without copying it.
template <typename T, int Rank>
class TensorView {
  static_assert(1 <= Rank && Rank <= 4);

 public:
  using Extents = std::array<Index, Rank>;

  constexpr TensorView() noexcept = default;

  constexpr TensorView(T* data, const Extents& extents) noexcept
      : TensorView(data, extents, packed_strides(extents)) {}

  constexpr TensorView(T* data, const Extents& extents, const Extents& strides) noexcept
      : data_(data), extents_(extents), strides_(strides) {
    assert(strides.back() == 1);
  }

  /// Views of mutable numbers convert to views of const numbers, never back.
  template <typename U>
  requires(!std::same_as<U, T> && std::convertible_to<U (*)[], T (*)[]>) constexpr TensorView(
      const TensorView<U, Rank>& other) noexcept
      : TensorView(other.data(), other.extents(), other.strides()) {}

  constexpr T* data() const noexcept { return data_; }
  constexpr const Extents& extents() const noexcept { return extents_; }
  constexpr const Extents& strides() const noexcept { return strides_; }
  constexpr Index extent(int axis) const noexcept { return extents_[axis]; }
  constexpr bool is_packed() const noexcept { return strides_ == packed_strides(extents_); }

  constexpr Index size() const noexcept {
    Index n = 1;
    for (Index e : extents_) n *= e;
    return n;
  }

  /// All numbers in order; only for packed views.
  constexpr std::span<T> flat() const noexcept {
    assert(is_packed());
    return {data_, static_cast<std::size_t>(size())};
  }

  /// Fixes the outermost index: image `b` of a [B, N, C] batch is `x[b]`, an [N, C] view.
  constexpr decltype(auto) operator[](Index i) const noexcept {
    assert(0 <= i && i < extents_[0]);
    T* const at = data_ + i * strides_[0];
    if constexpr (Rank == 1) {
      return static_cast<T&>(*at);
    } else {
      return TensorView<T, Rank - 1>(at, tail(extents_), tail(strides_));
    }
  }

  /// Keeps `count` entries of `axis`: head h of an [N, H*D] matrix is `x.slice(1, h * D, D)`.
  constexpr TensorView slice(int axis, Index first, Index count) const noexcept {
    assert(0 <= first && first + count <= extents_[axis]);
    Extents extents = extents_;
    extents[axis] = count;
    return TensorView(data_ + first * strides_[axis], extents, strides_);
  }

 private:
  static constexpr Extents packed_strides(const Extents& extents) noexcept {
    Extents strides{};
    Index step = 1;
    for (int axis = Rank - 1; axis >= 0; --axis) {
      strides[axis] = step;
      step *= extents[axis];
    }
    return strides;
  }

  static constexpr auto tail(const Extents& all) noexcept {
    std::array<Index, Rank - 1> rest{};
    for (int axis = 1; axis < Rank; ++axis) rest[axis - 1] = all[axis];
    return rest;
  }

  T* data_ = nullptr;
  Extents extents_{};
  Extents strides_{};
};

using Matrix = TensorView<float, 2>;
using ConstMatrix = TensorView<const float, 2>;

/// In `expect_shape`, an axis that may have any length.
inline constexpr Index kAny = -1;

/// Out of line so that the template below costs its callers one compare per axis.
[[noreturn]] void throw_shape_mismatch(std::string_view what, std::span<const Index> expected,
                                       std::span<const Index> actual);

/// Throws `Error(ShapeMismatch)` naming `what` unless every axis of `x` has the wanted length.
template <typename T, int Rank>
void expect_shape(std::string_view what, const TensorView<T, Rank>& x,
                  const typename TensorView<T, Rank>::Extents& expected) {
  for (int axis = 0; axis < Rank; ++axis) {
    if (expected[axis] != kAny && expected[axis] != x.extent(axis)) {
      throw_shape_mismatch(what, expected, x.extents());
    }
  }
}

}  // namespace sapiens

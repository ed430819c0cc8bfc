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

/// A non-owning, row-major view of an array.
///
/// Copying a view does not copy the elements; pass it by value. The innermost axis is contiguous,
/// outer axes may be strided. A view can thus address one head of a fused QKV matrix.
template <typename T, int Rank>
class TensorView {
  static_assert(1 <= Rank && Rank <= 4);

 public:
  /// One length, or stride, per axis.
  using Extents = std::array<Index, Rank>;

  /// An empty view; `data()` is null.
  constexpr TensorView() noexcept = default;

  /// A view of packed elements.
  constexpr TensorView(T* data, const Extents& extents) noexcept
      : TensorView(data, extents, packed_strides(extents)) {}

  /// A view with strides in elements; the last must be 1.
  constexpr TensorView(T* data, const Extents& extents, const Extents& strides) noexcept
      : data_(data), extents_(extents), strides_(strides) {
    assert(strides.back() == 1);
  }

  /// A view of mutable elements converts to a view of const elements.
  template <typename U>
  requires(!std::same_as<U, T> && std::convertible_to<U (*)[], T (*)[]>) constexpr TensorView(
      const TensorView<U, Rank>& other) noexcept
      : TensorView(other.data(), other.extents(), other.strides()) {}

  /// The first element.
  constexpr T* data() const noexcept { return data_; }
  /// Lengths of all axes.
  constexpr const Extents& extents() const noexcept { return extents_; }
  /// Strides of all axes, in elements.
  constexpr const Extents& strides() const noexcept { return strides_; }
  /// Length of one axis.
  constexpr Index extent(int axis) const noexcept { return extents_[axis]; }
  /// True if the elements are contiguous.
  constexpr bool is_packed() const noexcept { return strides_ == packed_strides(extents_); }

  /// Number of elements.
  constexpr Index size() const noexcept {
    Index n = 1;
    for (Index e : extents_) n *= e;
    return n;
  }

  /// All elements in row-major order. The view must be packed.
  constexpr std::span<T> flat() const noexcept {
    assert(is_packed());
    return {data_, static_cast<std::size_t>(size())};
  }

  /// The view at index `i` of the outermost axis: for a batch [B, N, C], `x[b]` is [N, C]. For rank
  /// 1, a reference to the element.
  constexpr decltype(auto) operator[](Index i) const noexcept {
    assert(0 <= i && i < extents_[0]);
    T* const at = data_ + i * strides_[0];
    if constexpr (Rank == 1) {
      return static_cast<T&>(*at);
    } else {
      return TensorView<T, Rank - 1>(at, tail(extents_), tail(strides_));
    }
  }

  /// The view of `count` entries of `axis` from `first` on: head h of a matrix [N, H*D] is
  /// `x.slice(1, h * D, D)`.
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

/// A mutable matrix of float32.
using Matrix = TensorView<float, 2>;
/// A read-only matrix of float32.
using ConstMatrix = TensorView<const float, 2>;

/// In `expect_shape`, matches any length of an axis.
inline constexpr Index kAny = -1;

/// Throws `Error(ShapeMismatch)` that names `what`. Used by `expect_shape`.
[[noreturn]] void throw_shape_mismatch(std::string_view what, std::span<const Index> expected,
                                       std::span<const Index> actual);

/// Throws `Error(ShapeMismatch)` that names `what`, unless every axis of `x` has the expected
/// length.
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

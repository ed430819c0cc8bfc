// Stores x W^T + b to y with its epilogue. Included after a vector.hpp.
#pragma once

#include "kernels/kernel_table.hpp"
#include "kernels/simd/elementary.hpp"
#include "kernels/simd/rotary_heads.hpp"
#include "kernels/simd/tile.hpp"

namespace sapiens::kernels {
namespace {

static_assert(kColumnVecs == 2, "a tile of SwiGlu is a vector of gates and one of values");

// Some rows and columns of y.
struct OutputTile {
  void* y = nullptr;
  ActivationType type = ActivationType::F32;
  std::int64_t stride = 0, rows = 0, columns = 0;
};

// Where kColumnTile outputs from `column` on, or as many as the call has, go in rows from `row` on:
// half as many columns of y where pairs of outputs make one number.
inline OutputTile tile_of_y(const LinearArgs& a, std::int64_t row, std::int64_t column,
                            std::int64_t tile_rows) noexcept {
  const int halved = a.epilogue == Epilogue::SwiGlu ? 1 : 0;
  const std::int64_t rows = a.rows - row, outputs = a.first_column + a.columns - column;
  return {.y = at(a.y, a.y_type, row * a.y_stride + (column >> halved)),
          .type = a.y_type,
          .stride = a.y_stride,
          .rows = rows < tile_rows ? rows : tile_rows,
          .columns = (outputs < kColumnTile ? outputs : kColumnTile) >> halved};
}

// The factors from output `column` on, if the call has any.
inline const float* factors(const LinearArgs& a, std::int64_t column) noexcept {
  return a.factor == nullptr ? nullptr : a.factor + column;
}

// Calls f(r, c, columns left) for every vector of a tile.
template <class F>
[[gnu::always_inline]] inline void for_each_vector(const OutputTile& t, F f) noexcept {
  for (std::int64_t r = 0; r < t.rows; ++r) {
    for (std::int64_t c = 0; c < t.columns; c += kLanes) f(r, c, t.columns - c);
  }
}

// y[r, c] = value(r, c, columns left)
template <class Value>
[[gnu::always_inline]] inline void write_tile(const OutputTile& t, Value value) noexcept {
  for_each_vector(t, [&](std::int64_t r, std::int64_t c, std::int64_t left) {
    store_first(at(t.y, t.type, r * t.stride + c), t.type, value(r, c, left), left);
  });
}

// products[r, c] += y[r, c]; products are kColumnTile wide.
inline void add_tile(const OutputTile& t, float* products) noexcept {
  for_each_vector(t, [&](std::int64_t r, std::int64_t c, std::int64_t left) {
    const Vec before = load_first(at(t.y, t.type, r * t.stride + c), t.type, left);
    store(products + r * kColumnTile + c, add(before, load(products + r * kColumnTile + c)));
  });
}

// y[r, c] += factor[c] value(r, c, columns left)
template <class Value>
[[gnu::always_inline]] inline void add_scaled_tile(const OutputTile& t, const float* factor,
                                                   Value value) noexcept {
  write_tile(t, [&](std::int64_t r, std::int64_t c, std::int64_t left) {
    const Vec before = load_first(at(t.y, t.type, r * t.stride + c), t.type, left);
    return fma(load_first(factor + c, left), value(r, c, left), before);
  });
}

// Writes a tile like write_tile, with the epilogue. `factor` belongs to its first column. For
// SwiGlu the tile of y is half as wide as the values: gates, then values in their order.
template <class Value>
[[gnu::always_inline]] inline void finish_tile(const OutputTile& t, Epilogue epilogue,
                                               const float* factor, Value value) noexcept {
  switch (epilogue) {
    case Epilogue::Store:
    case Epilogue::NormRotate:
      return write_tile(t, value);
    case Epilogue::AddScaled:
      return add_scaled_tile(t, factor, value);
    case Epilogue::SwiGlu:
      if (t.type == ActivationType::Bf16) {
        return write_tile(t, [&](std::int64_t r, std::int64_t c, std::int64_t left) {
          return mul(silu_for_bf16(value(r, c, left)), value(r, c + kLanes, left));
        });
      }
      return write_tile(t, [&](std::int64_t r, std::int64_t c, std::int64_t left) {
        return mul(silu(value(r, c, left)), value(r, c + kLanes, left));
      });
    case Epilogue::Gelu:
      if (t.type == ActivationType::Bf16) {
        return write_tile(t, [&](std::int64_t r, std::int64_t c, std::int64_t left) {
          return gelu_for_bf16(value(r, c, left));
        });
      }
      return write_tile(t, [&](std::int64_t r, std::int64_t c, std::int64_t left) {
        return gelu(value(r, c, left));
      });
    case Epilogue::Add:
      return write_tile(t, [&](std::int64_t r, std::int64_t c, std::int64_t left) {
        return add(load_first(at(t.y, t.type, r * t.stride + c), t.type, left), value(r, c, left));
      });
  }
}

}  // namespace
}  // namespace sapiens::kernels

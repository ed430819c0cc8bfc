// Stores x W^T + b to y with its epilogue. Included after a vector.hpp.
#pragma once

#include "kernels/kernel_table.hpp"
#include "kernels/simd/elementary.hpp"
#include "kernels/simd/tile.hpp"

namespace sapiens::kernels {
namespace {

// Some rows and columns of y.
struct OutputTile {
  void* y = nullptr;
  ActivationType type = ActivationType::F32;
  std::int64_t stride = 0, rows = 0, columns = 0;
};

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

// Writes a tile like write_tile, with the epilogue.
template <class Value>
[[gnu::always_inline]] inline void finish_tile(const OutputTile& t, Epilogue epilogue,
                                               Value value) noexcept {
  switch (epilogue) {
    case Epilogue::Store:
      return write_tile(t, value);
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

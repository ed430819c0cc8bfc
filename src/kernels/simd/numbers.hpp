// Rows of numbers of either type as vectors of floats. Included after a vector.hpp.
#pragma once

#include <cstdint>

#include "kernels/kernel_table.hpp"

namespace sapiens::kernels {
namespace {

constexpr std::int64_t bytes_of(ActivationType type) noexcept {
  return type == ActivationType::F32 ? 4 : 2;
}

// The address of number `i`.
inline const void* at(const void* numbers, ActivationType type, std::int64_t i) noexcept {
  return static_cast<const char*>(numbers) + i * bytes_of(type);
}
inline void* at(void* numbers, ActivationType type, std::int64_t i) noexcept {
  return static_cast<char*>(numbers) + i * bytes_of(type);
}

// Loads and stores like load_first and store_first for floats: the first n lanes, without touching
// memory behind them.
inline Vec load_first(const void* numbers, ActivationType type, std::int64_t n) noexcept {
  if (type == ActivationType::F32) return load_first(static_cast<const float*>(numbers), n);
  return load_first_bf16(static_cast<const std::uint16_t*>(numbers), n);
}
inline void store_first(void* numbers, ActivationType type, Vec v, std::int64_t n) noexcept {
  if (type == ActivationType::F32) {
    store_first(static_cast<float*>(numbers), v, n);
  } else {
    store_first_bf16(static_cast<std::uint16_t*>(numbers), v, n);
  }
}

// Calls f(i, lanes in use) for every vector of n numbers; the lanes are a constant where all are.
template <class F>
[[gnu::always_inline]] inline void for_each_vector_of(std::int64_t n, F f) noexcept {
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) f(i, std::int64_t{kLanes});
  if (i < n) f(i, n - i);
}

}  // namespace
}  // namespace sapiens::kernels

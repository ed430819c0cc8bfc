#pragma once

#include "sapiens/checkpoint.hpp"

namespace sapiens {

/// Reports to `whole` as its part [first, first + size), both as shares of 1. `whole` must outlive
/// the result, which is empty if `whole` is.
inline Progress part_of(const Progress& whole, double first, double size) {
  if (!whole) return {};
  return [&whole, first, size](double done) { whole(first + done * size); };
}

}  // namespace sapiens

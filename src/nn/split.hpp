#pragma once

#include <algorithm>

#include "sapiens/tensor_view.hpp"

namespace sapiens {

constexpr Index ceil_div(Index a, Index b) noexcept { return (a + b - 1) / b; }

/// [0, size) in parts of whole tiles (the last tile may be short); sizes differ by one tile at
/// most.
struct Split {
  Index size = 0, tile = 1, parts = 0;

  struct Range {
    Index first, count;
  };
  constexpr Range range(Index part) const noexcept {
    const Index tiles = ceil_div(size, tile);
    const Index begin = std::min(size, tiles * part / parts * tile);
    const Index end = std::min(size, tiles * (part + 1) / parts * tile);
    return {begin, end - begin};
  }
};

/// `parts` parts, or as many as there are tiles.
constexpr Split split_into(Index size, Index tile, Index parts) noexcept {
  return {size, tile, std::min(parts, ceil_div(size, tile))};
}

/// Parts of at most `most` each, their number a multiple of `threads`: without it the last round
/// leaves threads idle.
constexpr Split even_split(Index size, Index tile, Index most, Index threads) noexcept {
  const Index rounds = ceil_div(ceil_div(size, most), threads);
  return split_into(size, tile, rounds * threads);
}

}  // namespace sapiens

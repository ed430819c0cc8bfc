#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sapiens/tensor_view.hpp"

namespace sapiens {

/// "[4096, 1024]", as PyTorch writes shapes; "[]" for a scalar. `kAny` shows as "any".
std::string shape_text(std::span<const Index> shape);

/// The product of `shape`, or nothing if an extent is negative or the product leaves 63 bits.
std::optional<Index> checked_numel(std::span<const Index> shape) noexcept;

/// How many elements lie between neighbours of each axis in row-major order. An extent of 0 counts
/// as 1, as in PyTorch; where the product leaves 63 bits, which an empty tensor's may, it is 0.
std::vector<Index> packed_strides(std::span<const Index> shape);

/// a + b of numbers that are not negative, or the largest number where the sum leaves 63 bits. An
/// expanded tensor has any shape, however small its file is, so sums of sizes can leave them.
Index saturating_add(Index a, Index b) noexcept;

}  // namespace sapiens

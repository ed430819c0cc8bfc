#pragma once

#include <optional>
#include <span>
#include <string>

#include "sapiens/tensor_view.hpp"

namespace sapiens {

/// "[4096, 1024]", as PyTorch writes shapes; "[]" for a scalar. `kAny` shows as "any".
std::string shape_text(std::span<const Index> shape);

/// The product of `shape`, or nothing if an extent is negative or the product leaves 63 bits.
std::optional<Index> checked_numel(std::span<const Index> shape) noexcept;

/// a + b of numbers that are not negative, or the largest number where the sum leaves 63 bits. An
/// expanded tensor has any shape, however small its file is, so sums of sizes can leave them.
Index saturating_add(Index a, Index b) noexcept;

}  // namespace sapiens

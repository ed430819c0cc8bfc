#include "core/shape.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstddef>
#include <limits>
#include <vector>

#include "sapiens/error.hpp"

namespace sapiens {

std::string shape_text(std::span<const Index> shape) {
  std::vector<std::string> parts;
  parts.reserve(shape.size());
  for (const Index extent : shape) {
    parts.push_back(extent == kAny ? "any" : std::to_string(extent));
  }
  return fmt::format("[{}]", fmt::join(parts, ", "));
}

std::optional<Index> checked_numel(std::span<const Index> shape) noexcept {
  Index numel = 1;
  for (const Index extent : shape) {
    if (extent < 0 || __builtin_mul_overflow(numel, extent, &numel)) return std::nullopt;
  }
  return numel;
}

std::vector<Index> packed_strides(std::span<const Index> shape) {
  std::vector<Index> strides(shape.size());
  Index step = 1;
  for (std::size_t axis = shape.size(); axis-- > 0;) {
    strides[axis] = step;
    if (__builtin_mul_overflow(step, std::max<Index>(shape[axis], 1), &step)) step = 0;
  }
  return strides;
}

Index saturating_add(Index a, Index b) noexcept {
  Index sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? std::numeric_limits<Index>::max() : sum;
}

void throw_shape_mismatch(std::string_view what, std::span<const Index> expected,
                          std::span<const Index> actual) {
  throw Error(ErrorCode::ShapeMismatch, {.summary = std::string(what) + " has the wrong shape",
                                         .expected = shape_text(expected),
                                         .actual = shape_text(actual)});
}

}  // namespace sapiens

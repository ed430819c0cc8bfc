#include "core/shape.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

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
  bool empty = false;
  for (const Index extent : shape) {
    if (extent < 0) return std::nullopt;
    if (extent == 0) {
      empty = true;  // the product is 0, whatever the other extents would have overflowed to
    } else if (__builtin_mul_overflow(numel, extent, &numel)) {
      return std::nullopt;
    }
  }
  return empty ? 0 : numel;
}

void throw_shape_mismatch(std::string_view what, std::span<const Index> expected,
                          std::span<const Index> actual) {
  throw Error(ErrorCode::ShapeMismatch, {.summary = std::string(what) + " has the wrong shape",
                                         .expected = shape_text(expected),
                                         .actual = shape_text(actual)});
}

}  // namespace sapiens

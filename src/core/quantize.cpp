#include "sapiens/quantize.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <optional>

#include "core/shape.hpp"
#include "sapiens/dtype.hpp"
#include "sapiens/error.hpp"

namespace sapiens {
namespace {

constexpr int kLargest = 127;  // not -128: the range is symmetric

float scale_of(std::span<const float> row) {
  float largest = 0;
  for (const float value : row) largest = std::max(largest, std::abs(value));
  if (largest == 0) return 0;
  // A subnormal scale would have too few digits for the bound.
  return std::max(largest / kLargest, std::numeric_limits<float>::min());
}

}  // namespace

QuantizedRows quantize_rows(std::span<const Index> shape, std::span<const float> values) {
  const std::optional<Index> numel = checked_numel(shape);
  if (shape.empty() || !numel || *numel != std::ssize(values)) {
    throw Error(ErrorCode::ShapeMismatch,
                {.summary = "the array to quantize does not fill its rows",
                 .expected = shape_text(shape),
                 .actual = fmt::format("{} values", values.size())});
  }
  // There is no whole number for NaN.
  if (!is_storable(values, DType::F32)) {
    throw Error(
        ErrorCode::InvalidArgument,
        {.summary = "the array to quantize holds NaN or infinity", .expected = "finite numbers"});
  }
  QuantizedRows rows{.shape = {shape.begin(), shape.end()},
                     .scales = {.shape = {shape.begin(), shape.end() - 1}}};
  rows.values.reserve(values.size());
  const auto length = static_cast<std::size_t>(shape.back());
  const auto count = static_cast<std::size_t>(checked_numel(shape.first(shape.size() - 1)).value());
  for (std::size_t i = 0; i < count; ++i) {
    const std::span<const float> row = values.subspan(i * length, length);
    const float scale = scale_of(row);
    rows.scales.values.push_back(scale);
    for (const float value : row) {
      // In double, where which multiple is the nearest one is not changed by rounding.
      const double q =
          scale == 0 ? 0 : std::nearbyint(static_cast<double>(value) / static_cast<double>(scale));
      rows.values.push_back(static_cast<std::int8_t>(std::clamp<double>(q, -kLargest, kLargest)));
    }
  }
  return rows;
}

}  // namespace sapiens

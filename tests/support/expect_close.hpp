#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <span>

namespace sapiens {

/// How far value i may be off: `absolute + relative * |expected|`, plus `each[i]` where given.
struct Tolerance {
  double absolute = 0;
  double relative = 0;
  std::span<const double> each = {};
};

/// Compares like numpy.allclose and says how many values are off, where and by how much. NaN equals
/// NaN only, an infinity itself only.
inline testing::AssertionResult close(std::span<const float> actual,
                                      std::span<const float> expected, const Tolerance& tolerance) {
  if (actual.size() != expected.size()) {
    return testing::AssertionFailure() << actual.size() << " values, expected " << expected.size();
  }
  std::size_t off = 0, worst = 0;
  double worst_share = 0;
  for (std::size_t i = 0; i < actual.size(); ++i) {
    const double got = actual[i], want = expected[i];
    if (got == want || (std::isnan(got) && std::isnan(want))) continue;
    const double allowed = tolerance.absolute + tolerance.relative * std::abs(want) +
                           (tolerance.each.empty() ? 0 : tolerance.each[i]);
    double share = std::abs(got - want) / allowed;
    if (!std::isfinite(got) || !std::isfinite(want) || std::isnan(share)) share = HUGE_VAL;
    if (share <= 1) continue;
    ++off;
    if (share > worst_share) {
      worst_share = share;
      worst = i;
    }
  }
  if (off == 0) return testing::AssertionSuccess();
  return testing::AssertionFailure()
         << off << " of " << actual.size() << " values are off; worst at " << worst << ": got "
         << actual[worst] << ", expected " << expected[worst] << ", " << worst_share
         << " times the tolerance";
}

}  // namespace sapiens

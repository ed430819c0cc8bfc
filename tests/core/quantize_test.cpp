#include "sapiens/quantize.hpp"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "sapiens/error.hpp"

namespace sapiens {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

/// Largest |x - q * scale| / scale, exact: the product of 8 and 24 bits fits into a double.
double worst_error(const QuantizedRows& rows, const std::vector<float>& values) {
  double worst = 0;
  const std::size_t length = values.size() / rows.scales.values.size();
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double scale = static_cast<double>(rows.scales.values[i / length]);
    const double error = std::abs(static_cast<double>(values[i]) - rows.values[i] * scale);
    worst = std::max(worst, scale == 0 ? error : error / scale);
  }
  return worst;
}

TEST(QuantizeRows, ErrorsAreAtMostHalfAScale) {
  std::mt19937 random(1);
  for (const float spread : {1e-40f, 1e-36f, 1e-3f, 1.0f, 7.5f, 1e30f}) {
    std::normal_distribution<float> normal(0, 1);
    std::vector<float> values(64 * 96);
    for (float& value : values) value = spread * normal(random);
    const QuantizedRows rows = quantize_rows(std::vector<Index>{8, 8, 96}, values);
    EXPECT_LE(worst_error(rows, values), 0.5) << spread;
    EXPECT_THAT(rows.scales.shape, ElementsAre(8, 8));
    EXPECT_THAT(rows.shape, ElementsAre(8, 8, 96));
  }
}

TEST(QuantizeRows, TheLargestMagnitudeOfARowIs127) {
  const QuantizedRows rows =
      quantize_rows(std::vector<Index>{2, 3}, std::vector<float>{1, -254, 2, 0.5f, 0, -0.25f});
  EXPECT_THAT(rows.scales.values, ElementsAre(2.0f, 0.5f / 127));
  EXPECT_EQ(rows.values[1], -127);
  EXPECT_EQ(rows.values[3], 127);
}

TEST(QuantizeRows, ARowOfZerosHasScaleZero) {
  const QuantizedRows rows =
      quantize_rows(std::vector<Index>{2, 2}, std::vector<float>{0, -0.0f, 1, 1});
  EXPECT_EQ(rows.scales.values[0], 0.0f);
  EXPECT_THAT(rows.values, ElementsAre(0, 0, 127, 127));
}

TEST(QuantizeRows, AVectorIsOneRow) {
  const QuantizedRows rows = quantize_rows(std::vector<Index>{2}, std::vector<float>{127, -127});
  EXPECT_THAT(rows.scales.shape, IsEmpty());
  EXPECT_THAT(rows.scales.values, ElementsAre(1.0f));
}

TEST(QuantizeRows, NoRowsGiveNoScales) {
  const QuantizedRows rows = quantize_rows(std::vector<Index>{0, 4}, {});
  EXPECT_THAT(rows.scales.shape, ElementsAre(0));
  EXPECT_THAT(rows.scales.values, IsEmpty());
}

TEST(QuantizeRows, RowsWithoutNumbersHaveScalesOfZero) {
  const QuantizedRows rows = quantize_rows(std::vector<Index>{3, 0}, {});
  EXPECT_THAT(rows.scales.shape, ElementsAre(3));
  EXPECT_THAT(rows.scales.values, ElementsAre(0.0f, 0.0f, 0.0f));
}

TEST(QuantizeRows, RefuseNumbersThatAreNotFinite) {
  using Limits = std::numeric_limits<float>;
  for (const float number : {Limits::quiet_NaN(), Limits::infinity(), -Limits::infinity()}) {
    EXPECT_THROW(quantize_rows(std::vector<Index>{2}, std::vector<float>{1, number}), Error);
  }
}

TEST(QuantizeRows, RefuseWhatDoesNotFillItsShape) {
  const std::vector<float> values(6);
  EXPECT_THROW(quantize_rows(std::vector<Index>{7}, values), Error);
  EXPECT_THROW(quantize_rows({}, values), Error);
}

}  // namespace
}  // namespace sapiens

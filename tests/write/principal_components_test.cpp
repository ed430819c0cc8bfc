#include "write/principal_components.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <opencv2/core.hpp>
#include <random>

#include "support/nan.hpp"

namespace sapiens {
namespace {

struct Features {
  Index channels, rows, columns;
  std::vector<float> values;

  TensorView<const float, 3> view() const { return {values.data(), {channels, rows, columns}}; }
};

// `rank` directions of falling strength, a constant that is large beside them, and noise.
Features random_features(Index channels, Index rows, Index columns, int rank, float noise = 0) {
  std::mt19937 random(7);
  std::normal_distribution<float> normal;
  const Index tokens = rows * columns;
  Features features{channels, rows, columns, std::vector<float>(channels * tokens)};
  for (Index c = 0; c < channels; ++c) {
    const float constant = 5 * normal(random);
    for (Index n = 0; n < tokens; ++n) {
      features.values[c * tokens + n] = constant + noise * normal(random);
    }
  }
  float strength = 3;
  for (int r = 0; r < rank; ++r, strength *= 0.7f) {
    std::vector<float> along(channels);
    for (float& value : along) value = normal(random);
    for (Index n = 0; n < tokens; ++n) {
      const float amount = strength * normal(random);
      for (Index c = 0; c < channels; ++c) {
        features.values[c * tokens + n] += amount * along[c];
      }
    }
  }
  return features;
}

// The definition: eigenvectors of the covariance matrix, everything in double.
std::vector<double> reference(const Features& features) {
  const Index C = features.channels, N = features.rows * features.columns;
  cv::Mat x(static_cast<int>(C), static_cast<int>(N), CV_64F);
  double largest = 0;
  for (Index i = 0; i < C * N; ++i) {
    x.ptr<double>()[i] = features.values[i];
    largest = std::max(largest, std::abs(double{features.values[i]}));
  }
  x /= largest;
  for (int c = 0; c < C; ++c) x.row(c) -= cv::mean(x.row(c))[0];
  cv::Mat variances, vectors;
  cv::eigen(cv::Mat(x * x.t()), variances, vectors);
  std::vector<double> planes(kComponents * N);
  for (int k = 0; k < std::min(kComponents, C); ++k) {
    cv::Point at;
    cv::minMaxLoc(cv::abs(vectors.row(k)), nullptr, nullptr, nullptr, &at);
    const double sign = vectors.at<double>(k, at.x) < 0 ? -1 : 1;
    const cv::Mat plane = sign * vectors.row(k) * x;
    std::copy_n(plane.ptr<double>(), N, planes.begin() + k * N);
  }
  return planes;
}

void expect_reference(const Features& features) {
  const std::vector<float> actual = principal_components(features.view());
  const std::vector<double> expected = reference(features);
  ASSERT_EQ(actual.size(), expected.size());
  double largest = 0;
  for (const double value : expected) largest = std::max(largest, std::abs(value));
  for (std::size_t i = 0; i < actual.size(); ++i) {
    // Half of one of 255 colour steps. The variances settle to 1e-7 and vectors to its root.
    ASSERT_NEAR(actual[i], expected[i], 2e-3 * largest) << i;
  }
}

TEST(PrincipalComponents, EqualTheEigenvectorsOfTheCovariance) {
  expect_reference(random_features(64, 12, 9, 20));
  expect_reference(random_features(96, 16, 16, 6, 0.5f));
}

TEST(PrincipalComponents, EqualTheEigenvectorsWithFewerTokensThanChannels) {
  expect_reference(random_features(80, 5, 4, 10));
}

TEST(PrincipalComponents, EqualTheEigenvectorsForLessThanThreeDirections) {
  expect_reference(random_features(40, 10, 10, 2));
  expect_reference(random_features(2, 10, 10, 2));
  expect_reference(random_features(1, 3, 3, 1));
}

TEST(PrincipalComponents, ASingleTokenGivesZeros) {
  for (const float value : principal_components(random_features(16, 1, 1, 3).view())) {
    EXPECT_EQ(value, 0.0f);
  }
}

TEST(PrincipalComponents, HugeFeaturesDoNotOverflow) {
  Features features = random_features(32, 8, 8, 5);
  for (float& value : features.values) value *= 1e36f;
  expect_reference(features);
}

TEST(PrincipalComponents, ATokenWithoutNumbersSpoilsNoOther) {
  Features features = random_features(32, 8, 8, 5);
  features.values[3 * 64 + 10] = kNan;
  features.values[7 * 64 + 20] = std::numeric_limits<float>::infinity();
  const std::vector<float> planes = principal_components(features.view());
  for (Index i = 0; i < 3 * 64; ++i) {
    EXPECT_EQ(std::isnan(planes[i]), i % 64 == 10 || i % 64 == 20) << i;
  }
}

TEST(PrincipalComponents, ReadStridedViews) {
  const Features features = random_features(16, 6, 4, 5);
  std::vector<float> wide(16 * 6 * 9, kNan);
  for (Index i = 0; i < 16 * 6 * 4; ++i) wide[i / 4 * 9 + i % 4] = features.values[i];
  const TensorView<const float, 3> view(wide.data(), {16, 6, 4}, {54, 9, 1});
  EXPECT_EQ(principal_components(view), principal_components(features.view()));
}

}  // namespace
}  // namespace sapiens

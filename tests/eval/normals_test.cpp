#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "sapiens/error.hpp"
#include "sapiens/eval.hpp"
#include "support/error_code_of.hpp"
#include "support/nan.hpp"

namespace sapiens {
namespace {

using Floats = std::vector<float>;
using Mask = std::vector<std::uint8_t>;

/// Vectors of some length in the plane of x and z, rotated by the given angles in degrees.
Floats turned(const std::vector<double>& degrees, double length = 1) {
  Floats vectors;
  for (const double d : degrees) {
    const double angle = d * std::numbers::pi / 180;
    vectors.push_back(static_cast<float>(length * std::sin(angle)));
    vectors.push_back(0);
    vectors.push_back(static_cast<float>(length * std::cos(angle)));
  }
  return vectors;
}

TEST(Normals, AreComparedByTheirAngle) {
  NormalEvaluator evaluator;
  const std::vector<double> off = {0, 5, 11, 12, 25, 29, 60, 180};
  ASSERT_TRUE(evaluator.add(turned(off, 3), turned(std::vector<double>(8, 0), 0.5), Mask(8, 1)));
  const NormalScores scores = evaluator.result();
  EXPECT_NEAR(*scores.mean, 322.0 / 8, 1e-5);  // floats turn by up to 3e-6 degrees
  EXPECT_NEAR(*scores.median, 12, 0.0051);     // half a bin; the lower one of an even number
  EXPECT_EQ(scores.within[0], 3.0 / 8);
  EXPECT_EQ(scores.within[1], 4.0 / 8);
  EXPECT_EQ(scores.within[2], 6.0 / 8);
}

TEST(Normals, ManyImagesHaveOneMedian) {
  NormalEvaluator evaluator;
  for (int image = 0; image < 101; ++image) {
    ASSERT_TRUE(evaluator.add(turned({image * 1.7 + 0.3}), turned({0}), Mask{1}));
  }
  EXPECT_NEAR(*evaluator.result().median, 50 * 1.7 + 0.3, 0.0051);
  EXPECT_EQ(evaluator.result().images, 101);
}

TEST(Normals, ZeroNormalsCountAsWrongOrNotAtAll) {
  NormalEvaluator evaluator;
  Floats found = turned({0, 0, 0, 0}), labelled = turned({0, 0, 0, 0});
  found[0] = found[2] = 0;  // no direction
  found[3] = kNan;          // none either
  labelled[8] = 0;          // a label without direction
  ASSERT_TRUE(evaluator.add(found, labelled, Mask{1, 1, 1, 0}));
  EXPECT_EQ(evaluator.result().pixels, 2);
  EXPECT_EQ(evaluator.result().mean, 180);
  EXPECT_EQ(evaluator.result().median, 180);
}

TEST(Normals, HaveNoScoreWithoutPixels) {
  NormalEvaluator evaluator;
  EXPECT_FALSE(evaluator.add(turned({0}), turned({0}), Mask{0}));
  EXPECT_FALSE(evaluator.result().mean);
  EXPECT_FALSE(evaluator.result().median);
  EXPECT_FALSE(evaluator.result().within[0]);
}

TEST(Normals, RefuseSizesThatDiffer) {
  NormalEvaluator evaluator;
  EXPECT_EQ(error_code_of([&] {
              evaluator.add(turned({0}), turned({0, 0}), Mask{1});
            }),
            ErrorCode::InvalidArgument);
  EXPECT_EQ(error_code_of([&] {
              evaluator.add(turned({0}), turned({0}), Mask{1, 1});
            }),
            ErrorCode::InvalidArgument);
}

}  // namespace
}  // namespace sapiens

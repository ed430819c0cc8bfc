#include "tasks/dense.hpp"

#include <gtest/gtest.h>

#include "support/expect_close.hpp"
#include "tasks/golden_maps.hpp"

namespace sapiens {
namespace {

// Two blends of numbers below 6, each rounded by half a step of 4.8e-7, in another order than the
// original's.
constexpr Tolerance kBlended{.absolute = 2e-6};

TEST(Depth, IsEnlargedAsTheOriginalDoes) {
  const Golden golden("task_depth");
  GoldenMap head(golden, "head");
  const FloatArray depth = depth_of_image(head.output(), {128, 96}, {173, 131}, ThreadPool(2));
  EXPECT_EQ(depth.shape, (std::vector<Index>{173, 131}));
  EXPECT_TRUE(close(depth.values, golden.array("pred_ori_size").values, kBlended));
}

TEST(Normals, AreEnlargedInTwoStepsAndMadeUnitVectorsAsTheOriginalDoes) {
  const Golden golden("task_normal");
  GoldenMap head(golden, "head");
  const FloatArray normals = normals_of_image(head.output(), {128, 96}, {40, 50}, ThreadPool(2));
  EXPECT_EQ(normals.shape, (std::vector<Index>{40, 50, 3}));

  // The error before the division, 2e-6, counts more where the vector is short.
  GoldenMap enlarged(golden, "pred_ori_size");
  std::vector<double> tolerance;
  for (Index pixel = 0; pixel < 40 * 50; ++pixel) {
    const float* const n = enlarged.values()[pixel].data();
    const double length = std::hypot(n[0], n[1], n[2]);
    tolerance.insert(tolerance.end(), 3, 2 * kBlended.absolute / length);
  }
  EXPECT_TRUE(close(normals.values, golden.array("normal_demo_hwc").values, {.each = tolerance}));
}

TEST(Normals, ZeroNormalsStayZero) {
  const std::vector<float> zero(2 * 2 * 3);
  const FloatArray normals =
      normals_of_image({{zero.data(), {4, 3}}, {2, 2}}, {4, 4}, {3, 5}, ThreadPool(1));
  EXPECT_EQ(normals.values, std::vector<float>(3 * 5 * 3));
}

TEST(Dense, RefusesHeadsOfAnotherTask) {
  const std::vector<float> values(8);
  const HeadOutput two{{values.data(), {4, 2}}, {2, 2}};
  const ThreadPool pool(1);
  EXPECT_THROW(depth_of_image(two, {4, 4}, {4, 4}, pool), Error);
  EXPECT_THROW(normals_of_image(two, {4, 4}, {4, 4}, pool), Error);
}

}  // namespace
}  // namespace sapiens

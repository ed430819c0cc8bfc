#include "core/shape.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "sapiens/error.hpp"

namespace sapiens {
namespace {

TEST(Shape, IsWrittenAsPyTorchWritesIt) {
  EXPECT_EQ(shape_text(std::vector<Index>{}), "[]");
  EXPECT_EQ(shape_text(std::vector<Index>{4096, 1024}), "[4096, 1024]");
  EXPECT_EQ(shape_text(std::vector<Index>{kAny, 3}), "[any, 3]");
}

TEST(Shape, CountsElementsAndNoticesOverflow) {
  constexpr Index kHuge = std::numeric_limits<Index>::max();
  EXPECT_EQ(checked_numel(std::vector<Index>{}), 1);
  EXPECT_EQ(checked_numel(std::vector<Index>{2, 3, 4}), 24);
  EXPECT_EQ(checked_numel(std::vector<Index>{kHuge, 2}), std::nullopt);
  EXPECT_EQ(checked_numel(std::vector<Index>{3, 0, kHuge}), 0);
  EXPECT_EQ(checked_numel(std::vector<Index>{-1, 2}), std::nullopt);
}

TEST(Shape, SumsStopAtTheLargestNumber) {
  constexpr Index kHuge = std::numeric_limits<Index>::max();
  EXPECT_EQ(saturating_add(2, 3), 5);
  EXPECT_EQ(saturating_add(kHuge, 0), kHuge);
  EXPECT_EQ(saturating_add(kHuge, 1), kHuge);
  EXPECT_EQ(saturating_add(kHuge - 1, kHuge), kHuge);
}

TEST(Shape, MismatchNamesBothSides) {
  std::vector<float> numbers(6);
  const Matrix x(numbers.data(), {2, 3});
  EXPECT_NO_THROW(expect_shape("x", x, {2, kAny}));
  try {
    expect_shape("qkv: weight", x, {2, 4});
    FAIL() << "no exception";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::ShapeMismatch);
    EXPECT_EQ(error.detail().expected, "[2, 4]");
    EXPECT_EQ(error.detail().actual, "[2, 3]");
    EXPECT_NE(std::string(error.what()).find("qkv: weight"), std::string::npos);
  }
}

TEST(TensorView, SlicesOneHeadOutOfAFusedMatrix) {
  std::vector<float> numbers{0, 1, 2, 3, 4, 5, 6, 7};
  const Matrix x(numbers.data(), {2, 4});
  const Matrix head = x.slice(1, 2, 2);
  EXPECT_FALSE(head.is_packed());
  EXPECT_EQ(head[1][0], 6.0f);
  EXPECT_EQ(head.size(), 4);
}

TEST(PackedStrides, AreThoseOfPyTorchAndNeverOverflow) {
  constexpr Index kMax = std::numeric_limits<Index>::max();
  const auto strides = [](std::vector<Index> shape) { return packed_strides(shape); };
  EXPECT_EQ(strides({}), (std::vector<Index>{}));
  EXPECT_EQ(strides({2, 3, 4}), (std::vector<Index>{12, 4, 1}));
  EXPECT_EQ(strides({2, 0, 4}), (std::vector<Index>{4, 4, 1}));
  EXPECT_EQ(strides({0, 3, kMax}), (std::vector<Index>{0, kMax, 1}));
}

}  // namespace
}  // namespace sapiens

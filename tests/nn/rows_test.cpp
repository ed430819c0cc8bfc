#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "kernels/select.hpp"
#include "nn/ops.hpp"
#include "sapiens/error.hpp"

// The operators that move values and do not multiply them.
namespace sapiens {
namespace {

using testing::Each;
using testing::ElementsAre;

class OpsOnRows : public testing::Test {
 protected:
  KernelTable kernels_ = select_kernels(CpuFeatures::detect(), "reference").table;
  ThreadPool pool_{2};
  Ops ops_{kernels_, pool_};
  Workspace none_{0};
};

TEST_F(OpsOnRows, ReadTokensAsAMap) {
  const std::vector<float> tokens{0, 1, 10, 11, 20, 21};  // 3 patches, 2 channels
  std::vector<float> map(6);
  ops_.read_map({tokens.data(), {3, 2}}, map);
  EXPECT_THAT(map, ElementsAre(0, 10, 20, 1, 11, 21));
}

TEST_F(OpsOnRows, NormaliseTheAverageToken) {
  const std::vector<float> tokens{0, 2, 2, 8};  // mean 1, 5; centre 3, deviation 2
  std::vector<float> average(2);
  ops_.read_average({tokens.data(), {2, 2}}, average);
  EXPECT_NEAR(average[0], -1, 1e-6);
  EXPECT_NEAR(average[1], 1, 1e-6);
}

TEST_F(OpsOnRows, MakeZeroOfAnAverageOfEqualChannels) {
  const std::vector<float> tokens{3, 3, 3, 3};
  std::vector<float> average(2, 9.0f);
  ops_.read_average({tokens.data(), {2, 2}}, average);
  EXPECT_THAT(average, Each(0.0f));
}

TEST_F(OpsOnRows, CopyAddAndReadRowsThatLieApart) {
  const std::vector<float> x{1, 2, 0, 3, 4, 0};
  const ConstMatrix first_two(x.data(), {2, 2}, {3, 1});
  std::vector<float> y(4), read(4);
  const Matrix dense(y.data(), {2, 2});
  ops_.copy_rows(first_two, dense, none_);
  EXPECT_THAT(y, ElementsAre(1, 2, 3, 4));
  ops_.add_rows({x.data(), {2, 2}, {0, 1}}, dense, none_);  // one row, repeated
  EXPECT_THAT(y, ElementsAre(2, 4, 4, 6));
  ops_.read_rows(first_two, read);
  EXPECT_THAT(read, ElementsAre(1, 2, 3, 4));
}

TEST_F(OpsOnRows, GatherAndScatterByNumber) {
  const std::vector<float> x{0, 1, 2, 3};
  const std::vector<Index> rows{3, 1};
  std::vector<float> some(2), all(4, 9.0f);
  ops_.gather_rows({x.data(), {4, 1}}, rows, {some.data(), {2, 1}}, none_);
  EXPECT_THAT(some, ElementsAre(3, 1));
  ops_.scatter_rows({some.data(), {2, 1}}, rows, {all.data(), {4, 1}}, none_);
  EXPECT_THAT(all, ElementsAre(9, 1, 9, 3));
  EXPECT_THROW(ops_.gather_rows({x.data(), {4, 1}}, rows, {all.data(), {4, 1}}, none_), Error);
  EXPECT_THROW(ops_.copy_rows({x.data(), {4, 1}}, {some.data(), {2, 1}}, none_), Error);
}

// Padding 2 shifts every patch by two pixels, with zeros at the top left; padding 0 cuts as the
// grid does.
TEST_F(OpsOnRows, GatherPatchesWhereThePaddingSays) {
  std::vector<float> values(3 * 32 * 32);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i + 1);
  const TensorView<const float, 3> image(values.data(), {3, 32, 32});
  std::vector<float> patches(4 * 768);
  ops_.gather_patches(image, {2, 2}, 16, 0, {patches.data(), {4, 768}}, none_);
  EXPECT_EQ(patches[0], image[0][0][0]);
  EXPECT_EQ(patches[3 * 768 + 256 + 17], image[1][17][17]);  // last patch, green, row 1, column 1
  ops_.gather_patches(image, {2, 2}, 16, 2, {patches.data(), {4, 768}}, none_);
  EXPECT_EQ(patches[0], 0.0f);
  EXPECT_EQ(patches[2 * 16 + 2], image[0][0][0]);
  EXPECT_EQ(patches[3 * 768], image[0][14][14]);
}

TEST_F(OpsOnRows, GatherZerosFromOutsideTheImage) {
  const std::vector<float> image(3 * 20 * 16, 1.0f);
  std::vector<float> patches(2 * 768, 9.0f);
  ops_.gather_patches({image.data(), {3, 20, 16}}, {2, 1}, 16, 0, {patches.data(), {2, 768}},
                      none_);
  EXPECT_EQ(patches[768 + 3 * 16], 1.0f);  // row 19 of the image
  EXPECT_EQ(patches[768 + 4 * 16], 0.0f);  // row 20
}

}  // namespace
}  // namespace sapiens

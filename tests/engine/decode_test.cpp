#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "core/thread_pool.hpp"
#include "preprocess/preprocess.hpp"
#include "sapiens/error.hpp"
#include "sapiens/tasks.hpp"
#include "support/error_code_of.hpp"
#include "support/expect_close.hpp"
#include "support/golden.hpp"
#include "tasks/dense.hpp"
#include "tasks/golden_maps.hpp"
#include "tasks/pose.hpp"

namespace sapiens {
namespace {

// What the original's head put out for one image, and what the original made of it.
struct HeadGolden {
  explicit HeadGolden(const char* name)
      : golden(name), head(golden.array("head")), image(Image::read(golden.file("image.png"))) {
    const auto& network =
        golden.facts().contains("backbone") ? golden.facts()["backbone"] : golden.facts();
    options.input = {network["img_size"][0], network["img_size"][1]};
    options.image = {image.height, image.width};
  }

  TensorView<const float, 3> output() const {
    const auto axes = head.shape.end();
    return {head.values.data(), {axes[-3], axes[-2], axes[-1]}};
  }

  Golden golden;
  FloatArray head;
  Image image;
  DecodeOptions options;
};

TEST(Decode, GivesDepthAsTheOriginal) {
  const HeadGolden t("task_depth");
  const Result result = decode_output(Task::Depth, t.output(), t.options);
  const FloatArray& depth = std::get<DepthMap>(result).values;
  EXPECT_EQ(depth.shape, (std::vector<Index>{t.image.height, t.image.width}));
  EXPECT_TRUE(
      close(depth.values, t.golden.array("pred_ori_size").values, {.absolute = 1e-5f * 4.4f}));
}

TEST(Decode, GivesNormalsAsTheOriginal) {
  const HeadGolden t("task_normal");
  const Result result = decode_output(Task::Normal, t.output(), t.options);
  const FloatArray expected = t.golden.array("normal_demo_hwc");
  EXPECT_EQ(std::get<NormalMap>(result).values.shape, expected.shape);
  EXPECT_TRUE(
      close(std::get<NormalMap>(result).values.values, expected.values, {.absolute = 1e-4f}));
}

TEST(Decode, GivesTheClassesOfTheOriginal) {
  const HeadGolden t("task_seg");
  const auto expected = golden_numbers<std::uint8_t>(t.golden, "pred_sem_seg");
  const Segmentation found =
      std::get<Segmentation>(decode_output(Task::Seg, t.output(), t.options));
  EXPECT_EQ(found.classes, 28);
  ASSERT_EQ(found.ids.size(), expected.size());
  std::size_t different = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) different += found.ids[i] != expected[i];
  EXPECT_LE(different, 2u);  // where two classes are closer than the rounding of either program
}

// A head without anything before its only layer, which hands on its inputs, would be needed to see
// the numbers that a model decodes; this compares the functions that it decodes them with.
TEST(Decode, DecodesAsModelsDoBitForBit) {
  const HeadGolden t("task_seg");
  GoldenMap head(t.golden, "head");
  const ThreadPool pool(1);
  EXPECT_EQ(std::get<Segmentation>(decode_output(Task::Seg, t.output(), t.options)).ids,
            most_likely_classes(head.output(), t.options.input, t.options.image, pool).ids);
  DecodeOptions lite = t.options;
  lite.mode = PreprocessMode::Lite;
  EXPECT_EQ(std::get<Segmentation>(decode_output(Task::Seg, t.output(), lite)).ids,
            most_likely_classes(head.output(), head.output().size, t.options.image, pool).ids);
}

TEST(Decode, FindsKeypointsInTheBoxOrInTheWholeImage) {
  const HeadGolden t("task_pose");
  GoldenMap head(t.golden, "head");
  const auto expect_points = [&](const Pose& pose, const Box& box) {
    const ThreadPool pool(1);
    const auto expected = to_image(decode_heatmaps(head.output(), t.options.input, pool),
                                   crop_of_box(box, t.options.input), t.options.input);
    ASSERT_EQ(pose.keypoints.size(), expected.size());
    for (std::size_t k = 0; k < expected.size(); ++k) {
      EXPECT_EQ(pose.keypoints[k].x, expected[k].x) << k;
      EXPECT_EQ(pose.keypoints[k].y, expected[k].y) << k;
      EXPECT_EQ(pose.keypoints[k].score, expected[k].score) << k;
    }
    EXPECT_EQ(pose.box.width, box.width);
  };
  DecodeOptions options = t.options;
  options.person = Box{.x = 20, .y = 10, .width = 60, .height = 90, .score = 0.5};
  expect_points(std::get<Pose>(decode_output(Task::Pose, t.output(), options)), *options.person);
  expect_points(
      std::get<Pose>(decode_output(Task::Pose, t.output(), t.options)),
      {.width = static_cast<float>(t.image.width), .height = static_cast<float>(t.image.height)});
}

TEST(Decode, DoesNotDependOnThreads) {
  const HeadGolden t("task_normal");
  DecodeOptions several = t.options;
  several.threads = 3;
  EXPECT_EQ(std::get<NormalMap>(decode_output(Task::Normal, t.output(), t.options)).values.values,
            std::get<NormalMap>(decode_output(Task::Normal, t.output(), several)).values.values);
}

TEST(Decode, TakesOutputsWithStrides) {
  const HeadGolden t("task_depth");
  const auto [channels, rows, columns] = t.output().extents();
  const Index stride = columns + 5;
  std::vector<float> wide(static_cast<std::size_t>(rows * stride), -1);
  for (Index y = 0; y < rows; ++y) {
    std::copy_n(t.output()[0][y].data(), columns, wide.data() + y * stride);
  }
  const TensorView<const float, 3> strided(wide.data(), {1, rows, columns},
                                           {rows * stride, stride, 1});
  ASSERT_EQ(channels, 1);
  EXPECT_EQ(std::get<DepthMap>(decode_output(Task::Depth, strided, t.options)).values.values,
            std::get<DepthMap>(decode_output(Task::Depth, t.output(), t.options)).values.values);
}

TEST(Decode, RefusesWhatNoHeadPutsOut) {
  const std::vector<float> zeros(3 * 4 * 4);
  const auto refused = [&](Task task, Index channels, DecodeOptions options) {
    const TensorView<const float, 3> output(zeros.data(), {channels, 4, 4});
    return error_code_of([&] { decode_output(task, output, options); });
  };
  const DecodeOptions sizes{.input = {16, 16}, .image = {9, 9}};
  EXPECT_EQ(refused(Task::Pretrain, 1, sizes), ErrorCode::InvalidArgument);
  EXPECT_EQ(refused(Task::Depth, 2, sizes), ErrorCode::ShapeMismatch);
  EXPECT_EQ(refused(Task::Normal, 1, sizes), ErrorCode::ShapeMismatch);
  EXPECT_EQ(refused(Task::Seg, 0, sizes), ErrorCode::ShapeMismatch);
  EXPECT_EQ(refused(Task::Seg, 3, {.input = {0, 16}, .image = {9, 9}}), ErrorCode::InvalidArgument);
  EXPECT_EQ(refused(Task::Seg, 3, {.input = {16, 16}, .image = {9, -1}}),
            ErrorCode::InvalidArgument);
  EXPECT_EQ(refused(Task::Seg, 3, {.input = {16, 16}, .image = {9, 9}, .person = Box{}}),
            ErrorCode::InvalidArgument);
  EXPECT_EQ(refused(Task::Pose, 3, {.input = {16, 16}, .image = {9, 9}, .person = Box{}}),
            ErrorCode::InvalidArgument);
}

}  // namespace
}  // namespace sapiens

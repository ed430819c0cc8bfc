#include <gtest/gtest.h>

#include <cmath>

#include "sapiens/error.hpp"
#include "sapiens/tasks.hpp"
#include "support/error_code_of.hpp"
#include "support/expect_close.hpp"
#include "support/golden.hpp"

namespace sapiens {
namespace {

TaskModel open_model(const Golden& golden, const std::string& checkpoint) {
  return TaskModel(Checkpoint::open(golden.file(checkpoint)), {.heads = 4}, exact());
}

/// The upper left part of `image`: of another size, and other pixels.
Image part_of(const Image& image, Index height, Index width) {
  Image part{.width = width, .height = height, .rgb = {}};
  for (Index y = 0; y < height; ++y) {
    const auto row = image.rgb.begin() + y * image.width * 3;
    part.rgb.insert(part.rgb.end(), row, row + width * 3);
  }
  return part;
}

// A row of a linear layer does not depend on the others, so neither does an image of a batch.
TEST(TaskBatches, GiveEachImageWhatItGetsAlone) {
  const Golden golden("task_seg");
  TaskModel model = open_model(golden, "seg.pth");
  const Image whole = Image::read(golden.file("image.png"));
  const Image part = part_of(whole, whole.height / 2, whole.width / 3);
  const std::vector<PreparedImage> prepared = {model.prepare(whole), model.prepare(part),
                                               model.prepare(whole)};
  const std::vector<TaskInput> inputs(prepared.begin(), prepared.end());
  const auto batch = results_as<Segmentation>(model.run(inputs));
  ASSERT_EQ(batch.size(), 3u);
  EXPECT_EQ(batch[0].ids, result_as<Segmentation>(model.run(whole)).ids);
  EXPECT_EQ(batch[1].ids, result_as<Segmentation>(model.run(part)).ids);
  EXPECT_EQ(batch[1].width, part.width);
  EXPECT_EQ(batch[2].ids, batch[0].ids);
  EXPECT_TRUE(model.run(std::span<const TaskInput>()).results.empty());
}

TEST(TaskBatches, GiveEachPersonWhatTheyGetAlone) {
  const Golden golden("pose_21_user");
  TaskModel model = open_model(golden, "pose.pth");
  const Image image = Image::read(golden.file("image.png"));
  const std::vector<Box> boxes = {{10, 5, 60, 80}, {30, 20, 50, 70}, {-5, 0, 90, 40}};
  std::vector<PreparedImage> persons;
  for (const Box& box : boxes) persons.push_back(model.prepare(image, box));
  const std::vector<TaskInput> inputs(persons.begin(), persons.end());
  const auto batch = results_as<Pose>(model.run(inputs));
  const auto alone = results_as<Pose>(model.run(image, boxes));
  ASSERT_EQ(batch.size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(batch[i].box.x, boxes[i].x);
    for (std::size_t k = 0; k < batch[i].keypoints.size(); ++k) {
      EXPECT_EQ(batch[i].keypoints[k].x, alone[i].keypoints[k].x) << i << ' ' << k;
      EXPECT_EQ(batch[i].keypoints[k].score, alone[i].keypoints[k].score) << i << ' ' << k;
    }
  }
}

TEST(TaskBatches, RefuseInputsOfAnotherKind) {
  const Golden golden("task_seg");
  TaskModel model = open_model(golden, "seg.pth");
  const Image image = Image::read(golden.file("image.png"));
  const PreparedImage person = model.prepare(image, Box{0, 0, 20, 20});
  std::vector<TaskInput> inputs = {person};
  EXPECT_EQ(error_code_of([&] { model.run(inputs); }), ErrorCode::InvalidArgument);

  const PreparedImage whole = model.prepare(image);
  inputs = {whole, whole};
  inputs[1].pixels = {whole.pixels.values.data(), {3, 16, 16}};
  EXPECT_EQ(error_code_of([&] { model.run(inputs); }), ErrorCode::ShapeMismatch);
  const Box box{0, 0, 20, 20};
  EXPECT_EQ(error_code_of([&] { model.run(image, {&box, 1}); }), ErrorCode::InvalidArgument);
  EXPECT_EQ(error_code_of([&] {
              model.prepare(image, Box{0, 0, NAN, 20});
            }),
            ErrorCode::InvalidArgument);
}

TEST(TaskBatches, TellWhereTheTimeWent) {
  const Golden golden("task_depth");
  TaskModel model = open_model(golden, "depth.pth");
  const Image image = Image::read(golden.file("image.png"));
  const RunStats stats = model.run(image).stats;
  const StageTimes& whole = stats.stages;
  EXPECT_GT(whole.preprocess, 0);
  EXPECT_GT(whole.encoder, 0);
  EXPECT_GT(whole.head, 0);
  EXPECT_GT(whole.post, 0);
  EXPECT_EQ(stats.forward_seconds, whole.encoder + whole.head);
  EXPECT_FALSE(stats.operators.empty());
  const PreparedImage prepared = model.prepare(image);
  const TaskInput input = prepared;
  EXPECT_EQ(model.run({&input, 1}).stats.stages.preprocess, 0);
}

// The rounded constants; the image is resized as ever.
TEST(TaskBatches, PrepareWithTheConstantsOfTheLiteScripts) {
  const Golden golden("task_depth");
  TaskModel model = open_model(golden, "depth.pth");
  const Image image = Image::read(golden.file("image.png"));
  const PreparedImage full = model.prepare(image);
  const PreparedImage lite = model.prepare(image, std::nullopt, PreprocessMode::Lite);
  ASSERT_EQ(full.pixels.shape, lite.pixels.shape);
  const std::size_t plane = full.pixels.values.size() / 3;
  const float mean[] = {123.675f, 116.28f, 103.53f}, deviation[] = {58.395f, 57.12f, 57.375f};
  const float lite_mean[] = {123.5f, 116.5f, 103.5f}, lite_deviation[] = {58.5f, 57.0f, 57.5f};
  for (std::size_t i = 0; i < 3 * plane; ++i) {
    const std::size_t c = i / plane;
    const float pixel = full.pixels.values[i] * deviation[c] + mean[c];
    // 255 / 57 with the rounding of two float32 operations.
    ASSERT_NEAR(lite.pixels.values[i], (pixel - lite_mean[c]) / lite_deviation[c], 2e-6f) << i;
  }
}

}  // namespace
}  // namespace sapiens

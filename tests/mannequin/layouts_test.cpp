#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sapiens/error.hpp>
#include <sapiens/labels.hpp>
#include <sapiens/npy.hpp>

#include "output_file.hpp"
#include "request.hpp"
#include "support/scratch.hpp"

namespace mannequin {
namespace {

using nlohmann::json;
using sapiens::read_bytes;
using sapiens::Scratch;

Request small(const Scratch& scratch, std::int64_t count) {
  return {.output = scratch.path(),
          .first = 5,
          .count = count,
          .seed = 21,
          .width = 48,
          .height = 64,
          .threads = 2};
}

const Progress kQuiet = [](std::int64_t) {};

TEST(Files, HoldWhatTheSampleHolds) {
  const Scratch scratch;
  write_files(small(scratch, 3), kQuiet);
  const Sample sample = make_sample(21, 6, 48, 64);
  EXPECT_EQ(sapiens::Image::read(scratch / "000006.png").rgb, sample.image.rgb);
  const sapiens::FloatArray depth = sapiens::read_npy(scratch / "000006_depth.npy");
  EXPECT_THAT(depth.shape, testing::ElementsAre(64, 48));
  EXPECT_EQ(depth.values, sample.depth);
  const sapiens::FloatArray normals = sapiens::read_npy(scratch / "000006_normal.npy");
  EXPECT_THAT(normals.shape, testing::ElementsAre(64, 48, 3));
  EXPECT_EQ(normals.values, sample.normals);
  // A palette's colours come back as such, so that the ids show up in them.
  const sapiens::Image classes = sapiens::Image::read(scratch / "000006_seg.png");
  const sapiens::SegClassSet& table = *sapiens::find_seg_classes(28);
  for (std::size_t i = 0; i < sample.labels.size(); ++i) {
    const sapiens::Rgb color = table.classes[sample.labels[i]].color;
    ASSERT_EQ(classes.rgb[3 * i], color.red);
    ASSERT_EQ(classes.rgb[3 * i + 1], color.green);
  }
}

TEST(Files, AnnotationsAreCocos) {
  const Scratch scratch;
  write_files(small(scratch, 4), kQuiet);
  const json document = json::parse(read_bytes(scratch / "annotations.json"));
  ASSERT_EQ(document["images"].size(), 4u);
  ASSERT_EQ(document["annotations"].size(), 4u);
  const json& category = document["categories"][0];
  EXPECT_EQ(category["keypoints"].size(), 17u);
  EXPECT_EQ(category["keypoints"][0], "nose");
  EXPECT_EQ(category["skeleton"][0], json({16, 14}));
  for (std::size_t i = 0; i < 4; ++i) {
    const json& image = document["images"][i];
    const json& annotation = document["annotations"][i];
    EXPECT_EQ(image["id"], annotation["image_id"]);
    EXPECT_EQ(image["file_name"], fmt::format("{:06}.png", 5 + i));
    EXPECT_TRUE(std::filesystem::exists(scratch / image["file_name"].get<std::string>()));
    ASSERT_EQ(annotation["keypoints"].size(), 51u);
    int labelled = 0;
    for (std::size_t k = 2; k < 51; k += 3) labelled += annotation["keypoints"][k] > 0;
    EXPECT_EQ(annotation["num_keypoints"], labelled);
    EXPECT_EQ(annotation["bbox"].size(), 4u);
    EXPECT_GT(annotation["area"], 0);
    EXPECT_EQ(annotation["category_id"], category["id"]);
  }
}

/// The header's text, and the numbers behind it.
struct Stored {
  std::string header, bytes;
};

Stored stored(const std::string& path) {
  const std::string all = read_bytes(path);
  const std::size_t size =
      static_cast<unsigned char>(all.at(8)) + 256u * static_cast<unsigned char>(all.at(9));
  EXPECT_EQ((10 + size) % 64, 0u);
  return {all.substr(10, size), all.substr(10 + size)};
}

TEST(Arrays, HoldTheSamplesInOrder) {
  const Scratch scratch;
  write_arrays(small(scratch, 19), kQuiet);  // more than one batch
  const Stored images = stored(scratch / "images.npy");
  EXPECT_THAT(images.header, testing::StartsWith("{'descr': '|u1', 'fortran_order': False, "
                                                 "'shape': (19, 64, 48, 3,), }"));
  const Sample last = make_sample(21, 23, 48, 64);
  ASSERT_EQ(images.bytes.size(), 19u * 64 * 48 * 3);
  const std::string rgb(last.image.rgb.begin(), last.image.rgb.end());
  EXPECT_EQ(images.bytes.substr(18u * 64 * 48 * 3), rgb);
  EXPECT_EQ(stored(scratch / "labels.npy").bytes.size(), 19u * 64 * 48);
  EXPECT_EQ(stored(scratch / "normals.npy").bytes.size(), 19u * 64 * 48 * 3);

  const sapiens::FloatArray depth = sapiens::read_npy(scratch / "depth.npy");
  EXPECT_THAT(depth.shape, testing::ElementsAre(19, 64, 48));
  EXPECT_TRUE(std::equal(last.depth.begin(), last.depth.end(),
                         depth.values.end() - static_cast<std::ptrdiff_t>(last.depth.size())));
  const sapiens::FloatArray points = sapiens::read_npy(scratch / "keypoints.npy");
  EXPECT_THAT(points.shape, testing::ElementsAre(19, 17, 3));
  EXPECT_EQ(points.values[18 * 51], last.keypoints[0].x);
  const sapiens::FloatArray boxes = sapiens::read_npy(scratch / "boxes.npy");
  EXPECT_EQ(boxes.values[18 * 4 + 2], last.box.width);
}

TEST(Arrays, AppearWholeOrNotAtAll) {
  const Scratch scratch;
  {
    ArrayFile file(scratch.path() / "half.npy", "|u1", {2});
    file.write(std::vector<std::uint8_t>{1});
  }
  EXPECT_TRUE(std::filesystem::is_empty(scratch.path()));
  Request nowhere = small(scratch, 1);
  nowhere.output = scratch.path() / "missing";
  EXPECT_THROW(write_arrays(nowhere, kQuiet), sapiens::Error);
}

TEST(Sheet, ShowsFivePanelsPerImage) {
  const Scratch scratch;
  write_sheet(small(scratch, 3), kQuiet);
  const sapiens::Image sheet = sapiens::Image::read(scratch / "sheet.png");
  EXPECT_EQ(sheet.width % (5 * 48 + 4), 0);
  EXPECT_EQ(sheet.height % (64 + 4), 0);
}

}  // namespace
}  // namespace mannequin

#include <fmt/format.h>

#include <sapiens/draw.hpp>
#include <sapiens/error.hpp>

#include "request.hpp"

namespace mannequin {
namespace {

using sapiens::Image;

/// A blank image that others are pasted into.
struct Sheet {
  Image image;
  void paste(const Image& part, std::int64_t left, std::int64_t top) {
    for (std::int64_t y = 0; y < part.height; ++y) {
      std::copy_n(part.rgb.begin() + y * part.width * 3, part.width * 3,
                  image.rgb.begin() + ((top + y) * image.width + left) * 3);
    }
  }
};

std::vector<Image> panels(const Sample& sample) {
  const Image& image = sample.image;
  const std::int64_t w = image.width, h = image.height;
  sapiens::Pose pose{.box = sample.box};
  // Points outside the image are not drawn.
  for (const Keypoint& point : sample.keypoints) {
    pose.keypoints.push_back({point.x, point.y, point.visible == 2 ? 1.0f : 0.0f});
  }
  const sapiens::Segmentation classes{.width = w, .height = h, .classes = 28, .ids = sample.labels};
  const sapiens::SegDrawing colors{
      .opacity = 1, .labels = false, .legend = false, .side_by_side = false};
  return {image,
          sapiens::draw_pose(image, std::span(&pose, 1), sapiens::find_keypoint_set(kKeypoints)),
          sapiens::draw_segmentation(image, classes, sapiens::find_seg_classes(28), colors),
          sapiens::draw_depth(image, {sample.depth.data(), {h, w}}, sample.labels,
                              {.normals = false, .side_by_side = false}),
          sapiens::draw_normals(image, {sample.normals.data(), {h, w, 3}}, sample.labels,
                                {.side_by_side = false})};
}

}  // namespace

void write_sheet(const Request& request, const Progress& progress) {
  constexpr std::int64_t kPanels = 5, kGap = 4, kMax = 1000;
  if (request.count > kMax) {
    throw sapiens::Error(sapiens::ErrorCode::InvalidArgument,
                         {.summary = "the sheet would have too many images",
                          .key = "--count",
                          .expected = fmt::format("at most {}", kMax),
                          .actual = fmt::format("{}", request.count)});
  }
  const std::int64_t cell_width = kPanels * request.width + kGap;
  const std::int64_t cell_height = request.height + kGap;
  // The sheet is approximately square.
  std::int64_t columns = 1;
  while (columns * columns * cell_width < request.count * cell_height) ++columns;
  const std::int64_t rows = (request.count + columns - 1) / columns;
  Sheet sheet{{.width = columns * cell_width, .height = rows * cell_height, .rgb = {}}};
  sheet.image.rgb.assign(static_cast<std::size_t>(sheet.image.width * sheet.image.height * 3), 255);
  for_each_sample(request, progress, [&](std::int64_t index, const Sample& sample) {
    const std::int64_t place = index - request.first;
    std::int64_t left = place % columns * cell_width;
    for (const Image& panel : panels(sample)) {
      sheet.paste(panel, left, place / columns * cell_height);
      left += request.width;
    }
  });
  sheet.image.write_png(request.output / "sheet.png");
}

}  // namespace mannequin

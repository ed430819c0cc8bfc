#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "image/file_kind.hpp"
#include "image/png_file.hpp"
#include "sapiens/error.hpp"
#include "sapiens/result_files.hpp"
#include "write/class_look.hpp"
#include "write/panels.hpp"

namespace sapiens {
namespace {

void expect_filled(const std::filesystem::path& path, Index height, Index width,
                   std::size_t values) {
  constexpr Index kMaxSide = Index{1} << 30;  // so that the product below cannot overflow
  const bool sized = height > 0 && width > 0 && height <= kMaxSide && width <= kMaxSide;
  if (sized && static_cast<std::uint64_t>(height) * width == values) return;
  throw Error(ErrorCode::InvalidArgument,
              {.summary = "the values to write do not fill an image",
               .file = path.string(),
               .expected = "a height and width of at least 1, and a value for each pixel",
               .actual = fmt::format("{}x{} pixels and {} values", height, width, values)});
}

constexpr double kLevels = 65534;  // 0 stands for no depth

std::vector<std::uint16_t> depth_levels(TensorView<const float, 2> depth,
                                        std::span<const std::uint8_t> mask,
                                        const DepthExtent& extent) {
  const auto [height, width] = depth.extents();
  std::vector<std::uint16_t> levels(static_cast<std::size_t>(height * width));
  for (Index y = 0; y < height; ++y) {
    const float* row = depth[y].data();
    for (Index x = 0; x < width; ++x) {
      const Index pixel = y * width + x;
      const bool known = std::isfinite(row[x]) && (mask.empty() || mask[pixel] != 0);
      // Half a level is added, so that truncation rounds.
      if (known) levels[pixel] = static_cast<std::uint16_t>(1.5 + kLevels * extent.share(row[x]));
    }
  }
  return levels;
}

}  // namespace

void write_class_png(const std::filesystem::path& path, const Segmentation& segmentation,
                     const SegClassSet* set) {
  expect_filled(path, segmentation.height, segmentation.width, segmentation.ids.size());
  const ClassLook look(segmentation.classes, set);
  const Index largest = *std::ranges::max_element(segmentation.ids);
  const Index colors = std::clamp<Index>(segmentation.classes, largest + 1, ClassLook::kIds);
  write_png_file(path,
                 {.kind = PngKind::Palette,
                  .width = segmentation.width,
                  .height = segmentation.height,
                  .pixels = segmentation.ids.data(),
                  .palette = std::span(look.colors()).first(static_cast<std::size_t>(colors))});
}

Segmentation read_class_png(const std::filesystem::path& path) {
  PngValues png = stored_png_values(read_image_file(path), path.string());
  const Index largest = *std::ranges::max_element(png.values);
  return {.width = png.width,
          .height = png.height,
          .classes = largest + 1,
          .ids = std::move(png.values)};
}

DepthRange write_depth_png(const std::filesystem::path& path, TensorView<const float, 2> depth,
                           std::span<const std::uint8_t> mask) {
  const auto [height, width] = depth.extents();
  const auto size = static_cast<std::size_t>(depth.size());
  expect_filled(path, height, width, mask.empty() ? size : mask.size());
  const DepthExtent extent = depth_extent(depth, mask);
  DepthRange range;
  if (!extent.empty()) {
    range = {static_cast<float>(extent.nearest), static_cast<float>(extent.farthest)};
  }
  const std::vector<std::uint16_t> levels = depth_levels(depth, mask, extent);
  // {} prints the shortest digits that read back as the same float.
  const PngText texts[] = {{"depth_nearest", fmt::format("{}", range.nearest)},
                           {"depth_farthest", fmt::format("{}", range.farthest)}};
  write_png_file(path, {.kind = PngKind::Grey16,
                        .width = width,
                        .height = height,
                        .pixels = levels.data(),
                        .texts = texts});
  return range;
}

}  // namespace sapiens

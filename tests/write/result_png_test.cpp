#include <gtest/gtest.h>
#include <png.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <map>
#include <memory>
#include <string>

#include "sapiens/error.hpp"
#include "sapiens/result_files.hpp"
#include "support/error_code_of.hpp"
#include "support/nan.hpp"
#include "support/scratch.hpp"
#include "write/images.hpp"

namespace sapiens {
namespace {

/// A PNG as it is stored, nothing converted.
struct StoredPng {
  Index width = 0, height = 0;
  int bits = 0, color_type = 0;
  std::vector<Rgb> palette = {};
  std::map<std::string, std::string> texts = {};
  std::vector<int> values = {};
};

StoredPng read_stored(const std::string& path) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"),
                                                             std::fclose);
  png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(png);
  png_init_io(png, file.get());
  png_read_png(png, info, PNG_TRANSFORM_IDENTITY, nullptr);
  StoredPng stored{.width = png_get_image_width(png, info),
                   .height = png_get_image_height(png, info),
                   .bits = png_get_bit_depth(png, info),
                   .color_type = png_get_color_type(png, info)};
  png_colorp colors = nullptr;
  int count = 0;
  if (png_get_PLTE(png, info, &colors, &count) != 0) {
    for (int i = 0; i < count; ++i) {
      stored.palette.push_back({colors[i].red, colors[i].green, colors[i].blue});
    }
  }
  png_textp texts = nullptr;
  png_get_text(png, info, &texts, &count);
  for (int i = 0; i < count; ++i) stored.texts[texts[i].key] = texts[i].text;
  const png_bytepp rows = png_get_rows(png, info);
  for (Index y = 0; y < stored.height; ++y) {
    for (Index x = 0; x < stored.width; ++x) {
      stored.values.push_back(stored.bits == 16 ? rows[y][2 * x] * 256 + rows[y][2 * x + 1]
                                                : rows[y][x]);
    }
  }
  png_destroy_read_struct(&png, &info, nullptr);
  return stored;
}

/// One row of values, as another program might store them.
void write_row(const std::string& path, int color_type, int bits, std::vector<png_byte> row,
               png_uint_32 width) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "wb"),
                                                             std::fclose);
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(png);
  png_init_io(png, file.get());
  png_set_IHDR(png, info, width, 1, bits, color_type, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_BASE,
               PNG_FILTER_TYPE_BASE);
  const png_color colors[16] = {};
  if (color_type == PNG_COLOR_TYPE_PALETTE) png_set_PLTE(png, info, colors, bits < 4 ? 2 : 16);
  png_write_info(png, info);
  png_write_row(png, row.data());
  png_write_end(png, info);
  png_destroy_write_struct(&png, &info);
}

class ResultPng : public testing::Test {
 protected:
  Scratch folder_;
  const std::string path_ = folder_ / "result.png";
};

TEST_F(ResultPng, ClassesAreStoredWithTheirColours) {
  const Segmentation found = {.width = 3, .height = 2, .classes = 28, .ids = {0, 1, 2, 27, 3, 22}};
  write_class_png(path_, found, find_seg_classes(28));
  const StoredPng stored = read_stored(path_);
  EXPECT_EQ(stored.width, 3);
  EXPECT_EQ(stored.height, 2);
  EXPECT_EQ(stored.bits, 8);
  EXPECT_EQ(stored.color_type, PNG_COLOR_TYPE_PALETTE);
  EXPECT_EQ(stored.values, (std::vector<int>{0, 1, 2, 27, 3, 22}));
  ASSERT_EQ(stored.palette.size(), 28u);
  EXPECT_EQ(stored.palette[0], (Rgb{50, 50, 50}));
  EXPECT_EQ(stored.palette[27], (Rgb{82, 21, 114}));
}

TEST_F(ResultPng, EveryClassThatOccursHasAColour) {
  write_class_png(path_, {.width = 2, .height = 1, .classes = 3, .ids = {0, 255}});
  const StoredPng stored = read_stored(path_);
  EXPECT_EQ(stored.palette.size(), 256u);
  EXPECT_EQ(stored.values, (std::vector<int>{0, 255}));
  write_class_png(path_, {.width = 1, .height = 1, .classes = 100000, .ids = {7}});
  EXPECT_EQ(read_stored(path_).palette.size(), 256u);
}

TEST_F(ResultPng, ClassesAreReadBack) {
  const Segmentation written = {
      .width = 3, .height = 2, .classes = 28, .ids = {0, 1, 2, 255, 3, 4}};
  write_class_png(path_, written, find_seg_classes(28));
  const Segmentation read = read_class_png(path_);
  EXPECT_EQ(read.width, 3);
  EXPECT_EQ(read.height, 2);
  EXPECT_EQ(read.ids, written.ids);
  EXPECT_EQ(read.classes, 256);
}

TEST_F(ResultPng, ClassesOfOtherProgramsAreRead) {
  using Ids = std::vector<std::uint8_t>;
  write_row(path_, PNG_COLOR_TYPE_GRAY, 8, {7, 200, 255}, 3);
  EXPECT_EQ(read_class_png(path_).ids, (Ids{7, 200, 255}));
  // Pillow stores a palette of few colours in few bits.
  write_row(path_, PNG_COLOR_TYPE_PALETTE, 4, {0x1f, 0x70}, 3);
  EXPECT_EQ(read_class_png(path_).ids, (Ids{1, 15, 7}));
  write_row(path_, PNG_COLOR_TYPE_PALETTE, 1, {0x40}, 2);
  EXPECT_EQ(read_class_png(path_).ids, (Ids{0, 1}));
  write_row(path_, PNG_COLOR_TYPE_GRAY, 2, {0xd8}, 3);  // not spread to 0, 85, 170, 255
  EXPECT_EQ(read_class_png(path_).ids, (Ids{3, 1, 2}));
}

TEST_F(ResultPng, ClassesAreNotReadFromOtherFiles) {
  const auto code = [&] { return error_code_of([&] { read_class_png(path_); }); };
  EXPECT_EQ(code(), ErrorCode::NotFound);
  for (const int color : {PNG_COLOR_TYPE_RGB, PNG_COLOR_TYPE_RGBA, PNG_COLOR_TYPE_GRAY_ALPHA}) {
    write_row(path_, color, 8, {1, 2, 3, 4, 5, 6, 7, 8}, 2);
    EXPECT_EQ(code(), ErrorCode::UnsupportedFormat) << color;
  }
  write_row(path_, PNG_COLOR_TYPE_GRAY, 16, {1, 2, 3, 4}, 2);
  EXPECT_EQ(code(), ErrorCode::UnsupportedFormat);
  write_bytes(path_, "\xff\xd8\xff\xe0 a JPEG");
  EXPECT_EQ(code(), ErrorCode::UnsupportedFormat);
  write_bytes(path_, "");
  EXPECT_EQ(code(), ErrorCode::UnsupportedFormat);
}

TEST_F(ResultPng, ClassesAreNotReadWherePixelsAreMissing) {
  write_class_png(path_, {.width = 2, .height = 2, .classes = 2, .ids = {0, 1, 0, 1}});
  const std::string whole = read_bytes(path_);
  constexpr std::size_t kEndChunk = 12;  // says only that nothing follows the pixels
  for (std::size_t size = 8; size < whole.size() - kEndChunk; ++size) {
    write_bytes(path_, whole.substr(0, size));
    EXPECT_EQ(error_code_of([&] { read_class_png(path_); }), ErrorCode::CorruptFile) << size;
  }
  for (std::size_t size = whole.size() - kEndChunk; size < whole.size(); ++size) {
    write_bytes(path_, whole.substr(0, size));
    EXPECT_EQ(read_class_png(path_).ids, (std::vector<std::uint8_t>{0, 1, 0, 1})) << size;
  }
}

TEST_F(ResultPng, DepthsCanBeInverted) {
  std::vector<float> depths(64 * 48);
  for (std::size_t i = 0; i < depths.size(); ++i) {
    depths[i] = 0.3f + std::sin(static_cast<float>(i));
  }
  const DepthRange range = write_depth_png(path_, {depths.data(), {48, 64}});
  const StoredPng stored = read_stored(path_);
  EXPECT_EQ(stored.width, 64);
  EXPECT_EQ(stored.bits, 16);
  EXPECT_EQ(stored.color_type, PNG_COLOR_TYPE_GRAY);
  const float nearest = std::stof(stored.texts.at("depth_nearest"));
  const float farthest = std::stof(stored.texts.at("depth_farthest"));
  EXPECT_EQ(nearest, range.nearest);
  EXPECT_EQ(farthest, range.farthest);
  EXPECT_EQ(farthest, *std::max_element(depths.begin(), depths.end()));
  const double step = (double{farthest} - nearest) / 65534;
  for (std::size_t i = 0; i < depths.size(); ++i) {
    // Rounded to the nearest level; the last digit of the float comes on top.
    EXPECT_NEAR(nearest + (stored.values[i] - 1) * step, depths[i], 0.501 * step);
  }
}

TEST_F(ResultPng, DepthsAreZeroWhereThereIsNone) {
  const std::vector<float> depths = {9, 1, 2, kNan, -std::numeric_limits<float>::infinity(), 3};
  const std::vector<std::uint8_t> mask = {0, 1, 1, 1, 1, 1};
  const DepthRange range = write_depth_png(path_, {depths.data(), {2, 3}}, mask);
  EXPECT_EQ(range.nearest, 1);
  EXPECT_EQ(range.farthest, 3);
  EXPECT_EQ(read_stored(path_).values, (std::vector<int>{0, 1, 32768, 0, 0, 65535}));
}

TEST_F(ResultPng, DepthsMayBeEqualOrMissing) {
  const std::vector<float> same = {5, 5};
  DepthRange range = write_depth_png(path_, {same.data(), {1, 2}});
  EXPECT_EQ(range.nearest, 5);
  EXPECT_EQ(range.farthest, 5);
  EXPECT_EQ(read_stored(path_).values, (std::vector<int>{1, 1}));
  range = write_depth_png(path_, {same.data(), {1, 2}}, std::vector<std::uint8_t>{0, 0});
  EXPECT_EQ(range.nearest, 0);
  EXPECT_EQ(range.farthest, 0);
  EXPECT_EQ(read_stored(path_).values, (std::vector<int>{0, 0}));
}

TEST_F(ResultPng, DepthsAreReadFromStridedViews) {
  const std::vector<float> depths = {1, 2, -9, 3, 4, -9};
  write_depth_png(path_, TensorView<const float, 2>(depths.data(), {2, 2}, {3, 1}));
  EXPECT_EQ(read_stored(path_).values, (std::vector<int>{1, 21846, 43690, 65535}));
}

TEST_F(ResultPng, IsNotWrittenForWhatDoesNotAddUp) {
  const std::vector<float> depths = {1, 2};
  EXPECT_THROW(write_class_png(path_, {.width = 2, .height = 2, .classes = 2, .ids = {1}}), Error);
  EXPECT_THROW(write_class_png(path_, {}), Error);
  EXPECT_THROW(write_depth_png(path_, {}), Error);
  EXPECT_THROW(write_depth_png(path_, {depths.data(), {1, 2}}, std::vector<std::uint8_t>{1}),
               Error);
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path()));
}

}  // namespace
}  // namespace sapiens

#include <gtest/gtest.h>
#include <png.h>
#include <webp/encode.h>

#include <cstdlib>
#include <random>
#include <vector>

#include "encode_jpeg.hpp"
#include "image/image_header.hpp"
#include "image_files.hpp"
#include "sapiens/image.hpp"
#include "support/stops.hpp"

// A decoder or encoder that is told to stop does so at its next row, or piece of the file, and
// what the check threw comes out. The pixels do not depend on whether there is a check.
namespace sapiens {
namespace {

Image noise(Index height, Index width) {
  std::mt19937 random(1);
  Image image{.width = width, .height = height, .rgb = {}};
  image.rgb.resize(static_cast<std::size_t>(height * width * 3));
  for (auto& value : image.rgb) value = static_cast<std::uint8_t>(random() >> 24);
  return image;
}

void expect_stops_decoding(std::span<const std::byte> bytes, int least_calls) {
  const Image image = Image::decode(bytes, "image");
  expect_stops(
      [&](const StopCheck& check) {
        EXPECT_TRUE(Image::decode(bytes, "image", check).rgb == image.rgb);
      },
      least_calls);
}

std::vector<std::byte> jpeg_of(const Image& image, bool progressive) {
  return test::encode_jpeg(image, [&](jpeg_compress_struct& jpeg) {
    if (progressive) jpeg_simple_progression(&jpeg);
  });
}

std::vector<std::byte> interlaced_png_of(const Image& image) {
  std::vector<std::byte> bytes;
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(png);
  png_set_write_fn(
      png, &bytes,
      [](png_structp from, png_bytep data, std::size_t count) {
        auto& out = *static_cast<std::vector<std::byte>*>(png_get_io_ptr(from));
        const auto* first = reinterpret_cast<const std::byte*>(data);
        out.insert(out.end(), first, first + count);
      },
      nullptr);
  png_set_IHDR(png, info, static_cast<png_uint_32>(image.width),
               static_cast<png_uint_32>(image.height), 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_ADAM7,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  std::vector<png_bytep> rows;
  for (Index y = 0; y < image.height; ++y) {
    rows.push_back(const_cast<png_bytep>(image.rgb.data() + y * image.width * 3));
  }
  png_set_rows(png, info, rows.data());
  png_write_png(png, info, PNG_TRANSFORM_IDENTITY, nullptr);
  png_destroy_write_struct(&png, &info);
  return bytes;
}

TEST(StopDecoding, PngStopsAtEveryRow) {
  const Image image = noise(40, 30);
  expect_stops_decoding(image.encode_png(), 40);
}

TEST(StopDecoding, InterlacedPngStopsInEveryPass) {
  const Image image = noise(40, 30);
  const std::vector<std::byte> png = interlaced_png_of(image);
  EXPECT_TRUE(Image::decode(png, "image").rgb == image.rgb);
  expect_stops_decoding(png, 7 * 40);
}

TEST(StopDecoding, JpegStopsAtEveryRow) {
  expect_stops_decoding(jpeg_of(noise(64, 48), false), 64);
}

TEST(StopDecoding, ProgressiveJpegStopsInEveryScan) {
  // Ten scans of eight rows of blocks, before the first row of pixels.
  expect_stops_decoding(jpeg_of(noise(64, 48), true), 10 * 4 + 64);
}

TEST(StopDecoding, WebPStopsBetweenPieces) {
  const Image image = noise(200, 300);
  std::uint8_t* data = nullptr;
  const std::size_t size = WebPEncodeLosslessRGB(image.rgb.data(), static_cast<int>(image.width),
                                                 static_cast<int>(image.height),
                                                 static_cast<int>(image.width * 3), &data);
  const std::span<const std::byte> bytes = std::as_bytes(std::span(data, size));
  EXPECT_TRUE(Image::decode(bytes, "image").rgb == image.rgb);
  expect_stops_decoding(bytes, 10);  // the file has 180 kB
  WebPFree(data);
  data = nullptr;
  const std::size_t lossy =
      WebPEncodeRGB(image.rgb.data(), static_cast<int>(image.width), static_cast<int>(image.height),
                    static_cast<int>(image.width * 3), 95, &data);
  expect_stops_decoding(std::as_bytes(std::span(data, lossy)), 4);
  WebPFree(data);
}

TEST(StopDecoding, OrientingStopsToo) {
  expect_stops([image = noise(40, 30)](
                   const StopCheck& check) { EXPECT_EQ(upright(image, 6, check).width, 40); },
               30);
}

TEST(StopEncoding, PngStopsAtEveryRow) {
  expect_stops(
      [image = noise(40, 30)](const StopCheck& check) {
        EXPECT_TRUE(Image::decode(image.encode_png(check), "image").rgb == image.rgb);
      },
      40);
}

}  // namespace
}  // namespace sapiens

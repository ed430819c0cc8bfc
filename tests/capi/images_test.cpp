#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <limits>

#include "capi/support.hpp"
#include "sapiens/features.hpp"

namespace sapiens {
namespace {

class CImages : public testing::Test {
 protected:
  CResult features(const sapiens_image* images, std::size_t count = 1) {
    return made<CResult>([&](sapiens_result** out, sapiens_error** error) {
      return sapiens_encoder_features(encoder.get(), images, count, nullptr, out, error);
    });
  }
  CError refused(const sapiens_image* images, std::size_t count = 1) {
    return error_of<sapiens_result>([&](sapiens_result** out, sapiens_error** error) {
      return sapiens_encoder_features(encoder.get(), images, count, nullptr, out, error);
    });
  }
  sapiens_image borrowed(const std::uint8_t* pixels, std::int64_t stride) const {
    auto given = defaults<sapiens_image>();
    given.pixels = pixels;
    given.width = image.width;
    given.height = image.height;
    given.stride = stride;
    return given;
  }

  TinyModels tiny;
  CEncoder encoder = load_c_encoder(tiny.file("pretrain"));
  Image image = Image::read(tiny.image);
  sapiens_image in_file = image_at(tiny.image);
  std::vector<float> expected = floats_of(features(&in_file));
};

TEST_F(CImages, AreReadFromBytesOfAFile) {
  const std::string bytes = read_bytes(tiny.image);
  auto given = defaults<sapiens_image>();
  given.file = bytes.data();
  given.file_bytes = bytes.size();
  EXPECT_EQ(floats_of(features(&given)), expected);
}

TEST_F(CImages, AreBorrowedWithAndWithoutAStride) {
  const sapiens_image dense = borrowed(image.rgb.data(), 0);
  EXPECT_EQ(floats_of(features(&dense)), expected);

  // The last row ends where its pixels do: what would follow is never read.
  const std::int64_t row = 3 * image.width, stride = row + 5;
  std::vector<std::uint8_t> wide(static_cast<std::size_t>(stride * (image.height - 1) + row));
  for (Index y = 0; y < image.height; ++y) {
    std::copy_n(image.rgb.begin() + y * row, row, wide.begin() + y * stride);
  }
  wide.shrink_to_fit();
  const sapiens_image padded = borrowed(wide.data(), stride);
  EXPECT_EQ(floats_of(features(&padded)), expected);
}

TEST_F(CImages, MayLieUpsideDownInMemory) {
  const std::int64_t row = 3 * image.width;
  std::vector<std::uint8_t> flipped(image.rgb.size());
  for (Index y = 0; y < image.height; ++y) {
    std::copy_n(image.rgb.begin() + y * row, row, flipped.begin() + (image.height - 1 - y) * row);
  }
  const sapiens_image given = borrowed(flipped.data() + (image.height - 1) * row, -row);
  EXPECT_EQ(floats_of(features(&given)), expected);
}

TEST_F(CImages, AreRefusedUnlessGivenInExactlyOneWay) {
  auto given = defaults<sapiens_image>();
  EXPECT_EQ(sapiens_error_status(refused(&given).get()), SAPIENS_INVALID_ARGUMENT);
  given = borrowed(image.rgb.data(), 0);
  given.path = tiny.image.c_str();
  EXPECT_STREQ(sapiens_error_actual(refused(&given).get()), "2 of them");
}

TEST_F(CImages, InvalidSizesAreRefused) {
  constexpr std::int64_t kHuge = std::numeric_limits<std::int64_t>::max();
  for (const auto& [width, height] : {std::pair<std::int64_t, std::int64_t>{0, 4},
                                      {4, 0},
                                      {-4, -4},
                                      {kHuge, kHuge},
                                      {1, kHuge},
                                      {std::int64_t{1} << 15, std::int64_t{1} << 14}}) {
    auto given = borrowed(image.rgb.data(), 0);
    given.width = width;
    given.height = height;
    EXPECT_STREQ(sapiens_error_key(refused(&given).get()), "image.width, height");
  }
  for (const std::int64_t stride : {std::int64_t{1}, 3 * image.width - 1, 1 - 3 * image.width}) {
    const auto given = borrowed(image.rgb.data(), stride);
    EXPECT_STREQ(sapiens_error_key(refused(&given).get()), "image.stride");
  }
}

TEST_F(CImages, UnreadableImagesGiveTheErrorOfTheProgram) {
  const std::string nowhere = "/nowhere/photo.jpg";
  auto given = image_at(nowhere);
  EXPECT_EQ(sapiens_error_status(refused(&given).get()), SAPIENS_NOT_FOUND);

  const std::string text = "no image at all";
  given = defaults<sapiens_image>();
  given.file = text.data();
  given.file_bytes = text.size();
  EXPECT_EQ(sapiens_error_status(refused(&given).get()), SAPIENS_UNSUPPORTED_FORMAT);

  const std::string half = read_bytes(tiny.image).substr(0, 2000);
  given.file = half.data();
  given.file_bytes = half.size();
  EXPECT_EQ(sapiens_error_status(refused(&given).get()), SAPIENS_CORRUPT_FILE);
  given.file_bytes = 0;
  EXPECT_EQ(sapiens_error_status(refused(&given).get()), SAPIENS_UNSUPPORTED_FORMAT);
}

TEST_F(CImages, LargerStructsOfALaterHeaderAreSteppedOver) {
  struct Later {
    sapiens_image known;
    std::int64_t added;
  };
  std::array<Later, 2> later = {};
  for (Later& one : later) {
    one.known = borrowed(image.rgb.data(), 0);
    one.known.struct_size = sizeof(Later);
  }
  const CResult both = features(&later[0].known, 2);
  EXPECT_EQ(shape_of(both).at(0), 2);
  std::vector<float> twice = expected;
  twice.insert(twice.end(), expected.begin(), expected.end());
  EXPECT_EQ(floats_of(both), twice);

  later[1].known.struct_size = sizeof(sapiens_image);
  EXPECT_STREQ(sapiens_error_key(refused(&later[0].known, 2).get()), "images");
}

TEST_F(CImages, AreWantedOneAtLeast) {
  EXPECT_STREQ(sapiens_error_key(refused(&in_file, 0).get()), "count");
  EXPECT_STREQ(sapiens_error_key(refused(nullptr, 1).get()), "images");
}

}  // namespace
}  // namespace sapiens

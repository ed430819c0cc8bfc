#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <limits>

#include "capi/support.hpp"
#include "sapiens/features.hpp"

namespace sapiens {
namespace {

class CPictures : public testing::Test {
 protected:
  CResult features(const sapiens_picture* pictures, std::size_t count = 1) {
    return made<CResult>([&](sapiens_result** out, sapiens_error** error) {
      return sapiens_encoder_features(encoder.get(), pictures, count, nullptr, out, error);
    });
  }
  CError refused(const sapiens_picture* picture, std::size_t count = 1) {
    return error_of<sapiens_result>([&](sapiens_result** out, sapiens_error** error) {
      return sapiens_encoder_features(encoder.get(), picture, count, nullptr, out, error);
    });
  }
  sapiens_picture borrowed(const std::uint8_t* pixels, std::int64_t stride) const {
    auto picture = defaults<sapiens_picture>();
    picture.pixels = pixels;
    picture.width = image.width;
    picture.height = image.height;
    picture.stride = stride;
    return picture;
  }

  TinyModels tiny;
  CEncoder encoder = load_c_encoder(tiny.file("pretrain"));
  Image image = Image::read(tiny.picture);
  sapiens_picture in_file = picture_at(tiny.picture);
  std::vector<float> expected = floats_of(features(&in_file));
};

TEST_F(CPictures, AreReadFromBytesOfAFile) {
  const std::string bytes = read_bytes(tiny.picture);
  auto picture = defaults<sapiens_picture>();
  picture.file = bytes.data();
  picture.file_bytes = bytes.size();
  EXPECT_EQ(floats_of(features(&picture)), expected);
}

TEST_F(CPictures, AreBorrowedWithAndWithoutAStride) {
  const sapiens_picture dense = borrowed(image.rgb.data(), 0);
  EXPECT_EQ(floats_of(features(&dense)), expected);

  // The last row ends where its pixels do: what would follow is never read.
  const std::int64_t row = 3 * image.width, stride = row + 5;
  std::vector<std::uint8_t> wide(static_cast<std::size_t>(stride * (image.height - 1) + row));
  for (Index y = 0; y < image.height; ++y) {
    std::copy_n(image.rgb.begin() + y * row, row, wide.begin() + y * stride);
  }
  wide.shrink_to_fit();
  const sapiens_picture padded = borrowed(wide.data(), stride);
  EXPECT_EQ(floats_of(features(&padded)), expected);
}

TEST_F(CPictures, MayLieUpsideDownInMemory) {
  const std::int64_t row = 3 * image.width;
  std::vector<std::uint8_t> flipped(image.rgb.size());
  for (Index y = 0; y < image.height; ++y) {
    std::copy_n(image.rgb.begin() + y * row, row, flipped.begin() + (image.height - 1 - y) * row);
  }
  const sapiens_picture picture = borrowed(flipped.data() + (image.height - 1) * row, -row);
  EXPECT_EQ(floats_of(features(&picture)), expected);
}

TEST_F(CPictures, AreRefusedUnlessGivenInExactlyOneWay) {
  auto picture = defaults<sapiens_picture>();
  EXPECT_EQ(sapiens_error_status(refused(&picture).get()), SAPIENS_INVALID_ARGUMENT);
  picture = borrowed(image.rgb.data(), 0);
  picture.path = tiny.picture.c_str();
  EXPECT_STREQ(sapiens_error_actual(refused(&picture).get()), "2 of them");
}

TEST_F(CPictures, AreRefusedWhenTheirSizesCannotBe) {
  constexpr std::int64_t kHuge = std::numeric_limits<std::int64_t>::max();
  for (const auto& [width, height] : {std::pair<std::int64_t, std::int64_t>{0, 4},
                                      {4, 0},
                                      {-4, -4},
                                      {kHuge, kHuge},
                                      {1, kHuge},
                                      {std::int64_t{1} << 15, std::int64_t{1} << 14}}) {
    auto picture = borrowed(image.rgb.data(), 0);
    picture.width = width;
    picture.height = height;
    EXPECT_STREQ(sapiens_error_key(refused(&picture).get()), "picture.width, height");
  }
  for (const std::int64_t stride : {std::int64_t{1}, 3 * image.width - 1, 1 - 3 * image.width}) {
    const auto picture = borrowed(image.rgb.data(), stride);
    EXPECT_STREQ(sapiens_error_key(refused(&picture).get()), "picture.stride");
  }
}

TEST_F(CPictures, ThatCannotBeReadAreToldAsByTheProgram) {
  const std::string nowhere = "/nowhere/photo.jpg";
  auto picture = picture_at(nowhere);
  EXPECT_EQ(sapiens_error_status(refused(&picture).get()), SAPIENS_NOT_FOUND);

  const std::string text = "no picture at all";
  picture = defaults<sapiens_picture>();
  picture.file = text.data();
  picture.file_bytes = text.size();
  EXPECT_EQ(sapiens_error_status(refused(&picture).get()), SAPIENS_UNSUPPORTED_FORMAT);

  const std::string half = read_bytes(tiny.picture).substr(0, 2000);
  picture.file = half.data();
  picture.file_bytes = half.size();
  EXPECT_EQ(sapiens_error_status(refused(&picture).get()), SAPIENS_CORRUPT_FILE);
  picture.file_bytes = 0;
  EXPECT_EQ(sapiens_error_status(refused(&picture).get()), SAPIENS_UNSUPPORTED_FORMAT);
}

TEST_F(CPictures, OfALaterHeaderLieFartherApart) {
  struct Later {
    sapiens_picture known;
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

  later[1].known.struct_size = sizeof(sapiens_picture);
  EXPECT_STREQ(sapiens_error_key(refused(&later[0].known, 2).get()), "pictures");
}

TEST_F(CPictures, AreWantedOneAtLeast) {
  EXPECT_STREQ(sapiens_error_key(refused(&in_file, 0).get()), "count");
  EXPECT_STREQ(sapiens_error_key(refused(nullptr, 1).get()), "pictures");
}

}  // namespace
}  // namespace sapiens

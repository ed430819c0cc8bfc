#include "engine/encoder_input.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "preprocess/preprocess.hpp"
#include "sapiens/error.hpp"
#include "support/golden.hpp"

namespace sapiens {
namespace {

using testing::HasSubstr;

Image golden_image() { return Image::read(Golden("sapiens2_rect_128x96").file("image.png")); }

FloatArray input_of(Family family, Grid size, PreprocessMode mode = PreprocessMode::Full) {
  return encoder_input(family, golden_image(), size, mode, {});
}

ErrorDetail refusal_of(Grid size, PreprocessMode mode) {
  try {
    input_of(Family::Sapiens2, size, mode);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::InvalidArgument);
    return error.detail();
  }
  ADD_FAILURE() << "nothing was refused";
  return {};
}

TEST(EncoderInput, OfSapiens2EqualsThatOfTimmBitForBit) {
  const FloatArray expected = Golden("sapiens2_rect_128x96").array("input");  // [1, 3, H, W]
  const FloatArray actual = input_of(Family::Sapiens2, {128, 96});
  EXPECT_THAT(actual.shape, testing::ElementsAre(3, 128, 96));
  ASSERT_EQ(actual.values.size(), expected.values.size());
  EXPECT_EQ(std::memcmp(actual.values.data(), expected.values.data(),
                        expected.values.size() * sizeof(float)),
            0);
}

TEST(EncoderInput, OfSapiensIsBicubicOrThatOfTheLiteScripts) {
  for (const PreprocessMode mode : {PreprocessMode::Full, PreprocessMode::Lite}) {
    const Image resized = resize_for_features(golden_image(), 72, 100, mode);
    std::vector<float> expected(3 * 72 * 100);
    normalize(resized, mode, {expected.data(), {3, 72, 100}});
    EXPECT_EQ(input_of(Family::Sapiens, {72, 100}, mode).values, expected);
  }
}

TEST(EncoderInput, OfSapiens2HasNoLiteScripts) {
  const ErrorDetail error = refusal_of({128, 96}, PreprocessMode::Lite);
  EXPECT_EQ(error.option, "preprocess");
  EXPECT_EQ(error.expected, "full");
  EXPECT_THAT(error.summary, HasSubstr("lite scripts"));
  EXPECT_NO_THROW(expect_preprocess(Family::Sapiens, PreprocessMode::Lite));
}

TEST(EncoderInput, OfSapiens2HasCompletePatches) {
  struct Case {
    Grid size;
    const char* hint;
  };
  for (const auto& [size, hint] :
       {Case{{130, 96}, "128x96"}, Case{{96, 40}, "96x48"}, Case{{3, 16}, "16x16"}}) {
    const ErrorDetail error = refusal_of(size, PreprocessMode::Full);
    EXPECT_EQ(error.option, "input_size");
    EXPECT_THAT(error.expected, HasSubstr("multiples of 16"));
    EXPECT_THAT(error.hint, HasSubstr(hint));
  }
}

}  // namespace
}  // namespace sapiens

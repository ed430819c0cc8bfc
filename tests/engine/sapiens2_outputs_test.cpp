#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "sapiens/error.hpp"
#include "sapiens/features.hpp"
#include "support/expect_close.hpp"
#include "support/golden.hpp"

// What the interfaces give of the tokens of a Sapiens2 encoder, each form compared with all tokens.
namespace sapiens {
namespace {

using testing::ElementsAre;

constexpr Index kRegisters = 8, kExtra = 1 + kRegisters;

class Sapiens2Outputs : public testing::Test {
 protected:
  static ModelOptions options() {
    ModelOptions options;
    options.input_size = Grid{64, 48};
    return options;
  }

  FloatArray run(OutType out_type) {
    const FloatArray input = golden_.array("input");
    return encoder_.run(input.view<4>(), {.out_types = {out_type}}).layers.at(0).values;
  }

  Golden golden_{"sapiens2_names"};
  Encoder encoder_{Checkpoint::open(golden_.file("plain.safetensors")), options(), exact()};
};

TEST_F(Sapiens2Outputs, RawHasTheClassTokenTheRegistersAndThePatches) {
  const FloatArray raw = run(OutType::Raw);
  EXPECT_THAT(raw.shape, ElementsAre(1, kExtra + 12, 8));
  EXPECT_TRUE(close(raw.values, golden_.array("raw").values, {.absolute = 2e-5f}));
}

TEST_F(Sapiens2Outputs, TheOtherFormsArePartsOfRaw) {
  const FloatArray raw = run(OutType::Raw);
  const Index C = raw.shape[2];
  const auto rows = [&](Index first, Index count) {
    return std::vector<float>(raw.values.begin() + first * C,
                              raw.values.begin() + (first + count) * C);
  };
  const FloatArray cls = run(OutType::ClsToken), registers = run(OutType::Registers);
  EXPECT_THAT(cls.shape, ElementsAre(1, C));
  EXPECT_EQ(cls.values, rows(0, 1));
  EXPECT_THAT(registers.shape, ElementsAre(1, kRegisters, C));
  EXPECT_EQ(registers.values, rows(1, kRegisters));

  const FloatArray featmap = run(OutType::Featmap);
  EXPECT_THAT(featmap.shape, ElementsAre(1, C, 4, 3));
  EXPECT_EQ(featmap_of_tokens(raw.view<3>()[0], {4, 3}).values, featmap.values);

  const FloatArray average = run(OutType::AvgFeatmap);
  ASSERT_THAT(average.shape, ElementsAre(1, C));
  for (Index c = 0; c < C; ++c) {
    double sum = 0;
    for (Index n = 0; n < 12; ++n) {
      sum += static_cast<double>(raw.values[static_cast<std::size_t>((kExtra + n) * C + c)]);
    }
    EXPECT_NEAR(average.values[static_cast<std::size_t>(c)], sum / 12, 1e-6) << c;
  }
}

TEST_F(Sapiens2Outputs, HaveTheShapesThatAreTold) {
  const OutputShapes shapes = encoder_.output_shapes({32, 80});
  EXPECT_THAT(shapes.featmap, ElementsAre(8, 2, 5));
  EXPECT_THAT(shapes.raw, ElementsAre(kExtra + 10, 8));
  EXPECT_THAT(shapes.cls_token, ElementsAre(8));
  EXPECT_THAT(shapes.registers, ElementsAre(kRegisters, 8));
  EXPECT_THAT(shapes.avg_featmap, ElementsAre(8));
  const Inspection& inspection = encoder_.inspection();
  EXPECT_EQ(inspection.outputs.registers, shapes.registers);
  EXPECT_THAT(inspection.text(),
              testing::HasSubstr("raw 21x8 (21 = 1 class token + 8 registers + 4x3 patches) · "
                                 "cls_token 8 · registers 8x8 · avg_featmap 8"));
  const auto json = nlohmann::json::parse(inspection.json());
  EXPECT_EQ(json["outputs"]["registers"], (std::vector<Index>{8, 8}));
}

TEST_F(Sapiens2Outputs, ComeFromImagesAsTheFamilyPreparesThem) {
  const Golden rect("sapiens2_rect_128x96");
  const Image image = Image::read(rect.file("image.png"));
  EXPECT_EQ(encoder_.preprocess(image, PreprocessMode::Full, Grid{128, 96}).values,
            rect.array("input").values);
  EXPECT_EQ(encoder_.input_size(), (Grid{64, 48}));
  const FloatArray prepared = encoder_.preprocess(image);
  const TensorView<const float, 3> view = prepared.view<3>();
  EXPECT_EQ(encoder_.run(image).layers.at(0).values.values,
            encoder_.run({&view, 1}).layers.at(0).values.values);
}

TEST_F(Sapiens2Outputs, AreNotGivenForLiteOrIncompletePatches) {
  const Image grey{.width = 50, .height = 40, .rgb = std::vector<std::uint8_t>(50 * 40 * 3, 128)};
  EXPECT_THROW(encoder_.expect_preprocess(PreprocessMode::Lite), Error);
  EXPECT_THROW(encoder_.preprocess(grey, PreprocessMode::Lite), Error);
  EXPECT_THROW(encoder_.preprocess(grey, PreprocessMode::Full, Grid{40, 48}), Error);
  const std::vector<float> pixels(3 * 40 * 48);
  EXPECT_THROW(encoder_.run(TensorView<const float, 4>(pixels.data(), {1, 3, 40, 48})), Error);
}

}  // namespace
}  // namespace sapiens

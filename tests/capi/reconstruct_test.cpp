#include "sapiens/reconstruct.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "capi/support.hpp"
#include "sapiens/image.hpp"

namespace sapiens {
namespace {

class CReconstructions : public testing::Test {
 protected:
  CResult run(const sapiens_reconstruct_options* options) {
    const sapiens_image image = image_at(tiny.image);
    return made<CResult>([&](sapiens_result** out, sapiens_error** error) {
      return sapiens_reconstructor_run(reconstructor.get(), &image, options, out, error);
    });
  }
  CError refused(const sapiens_reconstruct_options& options) {
    const sapiens_image image = image_at(tiny.image);
    return error_of<sapiens_result>([&](sapiens_result** out, sapiens_error** error) {
      return sapiens_reconstructor_run(reconstructor.get(), &image, &options, out, error);
    });
  }

  TinyModels tiny;
  CReconstructor reconstructor = load_c_reconstructor(tiny.autoencoder());
  Reconstructor same{Checkpoint::open(tiny.autoencoder())};
};

void expect_same(const CResult& actual, const Reconstruction& expected) {
  ASSERT_EQ(sapiens_result_count(actual.get()), 5);
  const auto expect_image = [&](int index, const Image& image) {
    EXPECT_EQ(shape_of(actual, index), (std::vector<Index>{image.height, image.width, 3}));
    EXPECT_EQ(bytes_of(actual, index), image.rgb) << index;
  };
  expect_image(SAPIENS_RECONSTRUCTION_ORIGINAL, expected.original);
  expect_image(SAPIENS_RECONSTRUCTION_MASKED, expected.masked);
  expect_image(SAPIENS_RECONSTRUCTION_PREDICTED, expected.reconstruction);
  EXPECT_EQ(shape_of(actual, SAPIENS_RECONSTRUCTION_MASK),
            (std::vector<Index>{expected.grid.height, expected.grid.width}));
  EXPECT_EQ(bytes_of(actual, SAPIENS_RECONSTRUCTION_MASK), expected.mask);
  const std::vector<float> errors = floats_of(actual, SAPIENS_RECONSTRUCTION_ERRORS);
  ASSERT_EQ(errors.size(), 2);
  if (std::isnan(expected.masked_error)) {
    EXPECT_TRUE(std::isnan(errors[0]) && std::isnan(errors[1]));
  } else {
    EXPECT_EQ(errors[0], static_cast<float>(expected.masked_error));
    EXPECT_EQ(errors[1], static_cast<float>(expected.mean_error));
  }
}

TEST_F(CReconstructions, AreThoseOfCpp) {
  const Image image = Image::read(tiny.image);
  expect_same(run(nullptr), same.run(image));
  auto options = defaults<sapiens_reconstruct_options>();
  options.mask_ratio = 0.4;
  options.seed = 7;
  expect_same(run(&options), same.run(image, {.mask_ratio = 0.4, .seed = 7}));
  options.mask_ratio = -1;
  expect_same(run(&options), same.run(image, {.mask_ratio = 0}));

  const Grid size = same.input_size();
  std::vector<float> noise(static_cast<std::size_t>(size.height / 16 * (size.width / 16)));
  for (std::size_t i = 0; i < noise.size(); ++i) noise[i] = static_cast<float>(i % 7);
  options = defaults<sapiens_reconstruct_options>();
  options.noise = noise.data();
  options.noise_count = noise.size();
  expect_same(run(&options), same.run(image, {.noise = noise}));
}

TEST_F(CReconstructions, TellWhatWasLoaded) {
  EXPECT_EQ(sapiens_reconstructor_height(reconstructor.get()), same.input_size().height);
  EXPECT_EQ(sapiens_reconstructor_width(reconstructor.get()), same.input_size().width);
  EXPECT_EQ(sapiens_reconstructor_precision(reconstructor.get()), same.stats().precision);
  const auto report = made<CReport>([&](sapiens_report** out, sapiens_error** error) {
    return sapiens_reconstructor_report(reconstructor.get(), out, error);
  });
  EXPECT_EQ(sapiens_report_text(report.get()), same.inspection().text());
}

TEST_F(CReconstructions, RefuseWhatHidesNoShareOfThePatches) {
  auto options = defaults<sapiens_reconstruct_options>();
  for (const double ratio : {1.5, -0.5, std::nan("")}) {
    options.mask_ratio = ratio;
    EXPECT_STREQ(sapiens_error_key(refused(options).get()), "mask_ratio") << ratio;
  }
  options = defaults<sapiens_reconstruct_options>();
  options.noise_count = 4;
  EXPECT_STREQ(sapiens_error_key(refused(options).get()), "options.noise");
  const float one = 0.5f;
  options.noise = &one;
  options.noise_count = 1;
  EXPECT_EQ(sapiens_error_status(refused(options).get()), SAPIENS_SHAPE_MISMATCH);
}

TEST_F(CReconstructions, EndWhenTheCallerCancels) {
  auto options = defaults<sapiens_reconstruct_options>();
  options.progress = [](double, void*) { return 1; };
  EXPECT_EQ(sapiens_error_status(refused(options).get()), SAPIENS_CANCELLED);
  expect_same(run(nullptr), same.run(Image::read(tiny.image)));
}

TEST_F(CReconstructions, NeedTheDecoder) {
  const CCheckpoint clean = open_c(tiny.file("pretrain"));
  const CError error =
      error_of<sapiens_reconstructor>([&](sapiens_reconstructor** out, sapiens_error** given) {
        return sapiens_reconstructor_load(clean.get(), nullptr, nullptr, out, given);
      });
  EXPECT_EQ(sapiens_error_status(error.get()), SAPIENS_CHECKPOINT_REFUSED);
}

}  // namespace
}  // namespace sapiens

#include "sapiens/reconstruct.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <numeric>
#include <optional>

#include "sapiens/error.hpp"
#include "support/error_code_of.hpp"
#include "support/expect_close.hpp"
#include "support/golden.hpp"
#include "support/scratch.hpp"

namespace sapiens {
namespace {

using testing::HasSubstr;

ModelOptions options_of(const Golden& golden) {
  ModelOptions options = golden.options();
  options.decoder_heads = golden.facts().at("decoder").at("num_heads");
  return options;
}

// The original's masked autoencoder, layer by layer. The stored values carry 2.3e-6 of rounding
// ("noise" in case.json), ours as much.
class ReconstructGolden : public testing::Test {
 protected:
  MaskedPrediction predict() {
    const TensorView<const float, 4> input = input_.view<4>();
    return model_.predict(input[0], {.noise = noise_.values});
  }

  Golden golden_{"mae_reconstruct"};
  Reconstructor model_{Checkpoint::open(golden_.file("encoder.pth")), options_of(golden_), exact()};
  FloatArray input_ = golden_.array("input");
  FloatArray noise_ = golden_.array("noise");
  static constexpr double kTolerance = 2e-5;
};

TEST_F(ReconstructGolden, HidesTheSamePatches) {
  const std::vector<float> expected = golden_.array("mask").values;
  const std::vector<std::uint8_t> mask = predict().mask;
  EXPECT_TRUE(std::equal(mask.begin(), mask.end(), expected.begin(), expected.end()));
}

TEST_F(ReconstructGolden, EncodesTheVisiblePatchesAsTheOriginal) {
  const FloatArray latent = predict().latent;
  EXPECT_EQ(latent.shape, (std::vector<Index>{10, 32}));  // class token and int(36 / 4) patches
  EXPECT_TRUE(close(latent.values, golden_.array("latent").values, {.absolute = kTolerance}));
}

TEST_F(ReconstructGolden, PredictsAllPatchesAsTheOriginal) {
  const MaskedPrediction found = predict();
  EXPECT_TRUE(
      close(found.prediction.values, golden_.array("pred").values, {.absolute = kTolerance}));
  EXPECT_TRUE(close(found.target.values, golden_.array("target").values, {.absolute = kTolerance}));
}

TEST_F(ReconstructGolden, HasTheOriginalsLoss) {
  const MaskedPrediction found = predict();
  // A mean of 27 * 768 squares of numbers near 1, each off by 2e-5 at most.
  EXPECT_NEAR(found.masked_error, golden_.facts().at("loss").get<double>(), 2e-5);
}

// The mean square of 768 numbers whose variance, divided by 767, is 1; the epsilon of 1e-6 in it
// takes 3e-6 off where the variance is as small as 0.3 (`patch_var` in case.json).
TEST_F(ReconstructGolden, ComparesWithPredictingTheMean) {
  EXPECT_NEAR(predict().mean_error, 767.0 / 768.0, 4e-6);
}

TEST_F(ReconstructGolden, MakesTheOriginalsImageOfThePrediction) {
  constexpr float kMean[] = {123.675f, 116.28f, 103.53f}, kStd[] = {58.395f, 57.12f, 57.375f};
  FloatArray pixels = predict().pixels;
  const std::size_t plane = pixels.values.size() / 3;
  for (std::size_t i = 0; i < pixels.values.size(); ++i) {
    pixels.values[i] =
        std::clamp(pixels.values[i] * kStd[i / plane] + kMean[i / plane], 0.0f, 255.0f);
  }
  // The stored levels carry 2e-4 of rounding: that of the prediction, times 58.
  EXPECT_TRUE(close(pixels.values, golden_.array("reconstruction").values, {.absolute = 3e-3}));
}

// From an image file to three images. What is hidden is the original's prediction, and a value
// next to a whole number may be cut off to the level below; what is visible is the image.
TEST_F(ReconstructGolden, DrawsWhatTheOriginalDraws) {
  const Image predicted = Image::read(golden_.file("reconstruction.png"));
  const Reconstruction found =
      model_.run(Image::read(golden_.file("image.png")), {.noise = noise_.values});
  EXPECT_EQ(found.masked.rgb, Image::read(golden_.file("masked_input.png")).rgb);
  ASSERT_EQ(found.reconstruction.rgb.size(), predicted.rgb.size());
  const Index width = found.original.width;
  for (Index pixel = 0; pixel < width * found.original.height; ++pixel) {
    const Index patch = pixel / width / 16 * found.grid.width + pixel % width / 16;
    const bool hidden = found.mask[static_cast<std::size_t>(patch)] != 0;
    for (Index i = 3 * pixel; i < 3 * pixel + 3; ++i) {
      const auto byte = static_cast<std::size_t>(i);
      const int wanted = hidden ? predicted.rgb[byte] : found.original.rgb[byte];
      ASSERT_LE(std::abs(found.reconstruction.rgb[byte] - wanted), hidden ? 1 : 0) << pixel;
    }
  }
}

// What rounding to bf16 or int8 costs a network of random weights that is 32 wide: measured 0.0046
// and 0.0144 (largest level of the machine); twice that.
TEST_F(ReconstructGolden, IsCloseInEveryPrecision) {
  const std::vector<float> expected = golden_.array("pred").values;
  for (const auto& [precision, most] :
       {std::pair{Precision::Bf16, 0.01}, {Precision::Int8, 0.03}}) {
    EngineOptions engine;
    engine.precision = precision;
    Reconstructor model(Checkpoint::open(golden_.file("encoder.pth")), options_of(golden_), engine);
    const std::vector<float> found =
        model.predict(input_.view<4>()[0], {.noise = noise_.values}).prediction.values;
    double error = 0, norm = 0;
    for (std::size_t i = 0; i < expected.size(); ++i) {
      error += std::pow(double{found[i]} - expected[i], 2);
      norm += double{expected[i]} * expected[i];
    }
    EXPECT_LT(std::sqrt(error / norm), most) << precision_name(precision);
    EXPECT_GT(error, 0) << precision_name(precision);
  }
}

TEST_F(ReconstructGolden, RefusesNoiseThatDoesNotDecide) {
  const TensorView<const float, 3> input = input_.view<4>()[0];
  std::vector<float> noise = noise_.values;
  noise[7] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(error_code_of([&] { model_.predict(input, {.noise = noise}); }),
            ErrorCode::InvalidArgument);
  noise.pop_back();
  EXPECT_EQ(error_code_of([&] { model_.predict(input, {.noise = noise}); }),
            ErrorCode::ShapeMismatch);
}

TEST_F(ReconstructGolden, RefusesAnInputOfAnotherSize) {
  const std::vector<float> small(3 * 64 * 96);
  EXPECT_EQ(error_code_of([&] {
              model_.predict({small.data(), {3, 64, 96}});
            }),
            ErrorCode::ShapeMismatch);
}

TEST(ReconstructHeads, HaveToBeGivenWhereTheyCannotBeKnown) {
  const Golden golden("mae_reconstruct");
  const auto code_of = [&](const ModelOptions& options) {
    return error_code_of(
        [&] { Reconstructor(Checkpoint::open(golden.file("encoder.pth")), options); });
  };
  ModelOptions options = golden.options();
  EXPECT_EQ(code_of(options), ErrorCode::InvalidArgument);
  for (const Index heads : {-1, 3, 64}) {  // of a width of 32
    options.decoder_heads = heads;
    EXPECT_EQ(code_of(options), ErrorCode::InvalidArgument) << heads;
  }
}

// The tiny model of random weights as training would write it, with the decoder.
class Reconstruct : public testing::Test {
 protected:
  std::filesystem::path file(const SynthOptions& options) {
    const std::filesystem::path path = scratch_ / "tiny.pth";
    synthesize_checkpoint(path, options);
    return path;
  }
  Checkpoint full() { return Checkpoint::open(file({.arch = "tiny", .layout = Layout::MMEngine})); }
  Checkpoint clean() { return Checkpoint::open(file({.arch = "tiny"})); }

  static Image image() {
    Image image{.width = 50, .height = 40, .rgb = std::vector<std::uint8_t>(50 * 40 * 3)};
    for (std::size_t i = 0; i < image.rgb.size(); ++i) {
      image.rgb[i] = static_cast<std::uint8_t>(i * i % 251);
    }
    return image;
  }

  static Index hidden(const Reconstruction& found) {
    return std::accumulate(found.mask.begin(), found.mask.end(), Index{0});
  }

  Scratch scratch_;
};

TEST_F(Reconstruct, KnowsTheHeadsThatOurOwnFilesRecord) {
  Reconstructor model(full());
  EXPECT_EQ(model.inspection().report.verdict, Verdict::Exact);
  const Grid size = model.input_size();
  const Reconstruction found = model.run(image());
  EXPECT_EQ(found.grid.patches(), std::ssize(found.mask));
  for (const Image* image : {&found.original, &found.masked, &found.reconstruction}) {
    EXPECT_EQ(image->width, size.width);
    EXPECT_EQ(image->height, size.height);
  }
  EXPECT_GT(model.stats().weight_bytes, 0u);
  EXPECT_GT(found.stats.stages.head, 0);
}

TEST_F(Reconstruct, KeepsTheDecoderThroughAConversion) {
  const Reconstruction before = Reconstructor(full(), {}, exact()).run(image());
  const std::filesystem::path copy = scratch_ / "copy.safetensors";
  convert_checkpoint(full(), copy, {.keep_unused = true});
  const Reconstruction after = Reconstructor(Checkpoint::open(copy), {}, exact()).run(image());
  EXPECT_EQ(after.reconstruction.rgb, before.reconstruction.rgb);
}

TEST_F(Reconstruct, HidesWhatTheSeedSays) {
  Reconstructor model(full());
  const Reconstruction first = model.run(image(), {.seed = 7});
  Image other = image();
  other.width = 40;
  other.height = 50;
  EXPECT_EQ(model.run(other, {.seed = 7}).mask, first.mask);
  EXPECT_NE(model.run(image(), {.seed = 8}).mask, first.mask);
  EXPECT_EQ(model.run(image(), {.seed = 7}).reconstruction.rgb, first.reconstruction.rgb);
}

TEST_F(Reconstruct, TakesEveryRatioFromNothingToAll) {
  Reconstructor model(full());
  const Reconstruction nothing = model.run(image(), {.mask_ratio = 0});
  EXPECT_EQ(hidden(nothing), 0);
  EXPECT_EQ(nothing.reconstruction.rgb, nothing.original.rgb);
  EXPECT_TRUE(std::isnan(nothing.masked_error) && std::isnan(nothing.mean_error));

  const Reconstruction all = model.run(image(), {.mask_ratio = 1});
  EXPECT_EQ(hidden(all), all.grid.patches());
  EXPECT_TRUE(std::ranges::all_of(all.masked.rgb, [](std::uint8_t level) { return level == 100; }));
  EXPECT_TRUE(std::isfinite(all.masked_error));

  for (const double ratio : {-0.01, 1.01, std::numeric_limits<double>::quiet_NaN()}) {
    EXPECT_EQ(error_code_of([&] { model.run(image(), {.mask_ratio = ratio}); }),
              ErrorCode::InvalidArgument)
        << ratio;
  }
}

TEST_F(Reconstruct, RefusesAnImageWhosePixelsDoNotAddUp) {
  Reconstructor model(full());
  EXPECT_EQ(error_code_of([&] { model.run(Image{}); }), ErrorCode::InvalidArgument);
  Image short_one = image();
  short_one.rgb.pop_back();
  EXPECT_EQ(error_code_of([&] { model.run(short_one); }), ErrorCode::InvalidArgument);
}

std::optional<Error> error_of(const Checkpoint& checkpoint, const ModelOptions& options = {}) {
  try {
    Reconstructor model(checkpoint, options);
  } catch (const Error& error) {
    return error;
  }
  return std::nullopt;
}

TEST_F(Reconstruct, NamesTheDecoderThatACleanedFileLacks) {
  const std::optional<Error> error = error_of(clean());
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code(), ErrorCode::CheckpointRefused);
  EXPECT_THAT(error->what(),
              HasSubstr("the MAE decoder (neck.*, 104 tensors as published) is not in this file"));
  EXPECT_THAT(error->what(), HasSubstr("sapiens_0.3b_epoch_1600.pth"));
}

TEST_F(Reconstruct, RefusesTheCheckpointOfATask) {
  const auto error = error_of(Checkpoint::open(file({.arch = "tiny", .task = Task::Pose})));
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code(), ErrorCode::CheckpointRefused);
  EXPECT_THAT(error->what(), HasSubstr("only pretraining files hold the MAE decoder"));
}

TEST_F(Reconstruct, RefusesOptionsThatItCannotFollow) {
  const Checkpoint checkpoint = full();
  for (const ModelOptions& options :
       {ModelOptions{.task = Task::Pose}, ModelOptions{.input_size = Grid{64, 48}},
        ModelOptions{.patch_padding = 2}}) {
    const auto error = error_of(checkpoint, options);
    ASSERT_TRUE(error);
    EXPECT_EQ(error->code(), ErrorCode::InvalidArgument) << error->what();
  }
}

TEST_F(Reconstruct, StopsWhenItsProgressThrows) {
  Reconstructor model(full());
  struct Stop {};
  double last = 0;
  model.run(image(), {.progress = [&](double done) {
              EXPECT_GT(done, last);
              last = done;
            }});
  EXPECT_DOUBLE_EQ(last, 1);
  EXPECT_THROW(model.run(image(), {.progress = [](double) { throw Stop{}; }}), Stop);
}

}  // namespace
}  // namespace sapiens

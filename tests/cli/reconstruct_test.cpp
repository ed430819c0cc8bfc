#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sapiens/image.hpp>

#include "cli/program.hpp"

namespace sapiens {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

class ReconstructCommand : public testing::Test {
 protected:
  void SetUp() override {
    const Finished synth =
        run_sapiens({"synth", checkpoint_, "--arch", "tiny", "--layout", "mmengine"});
    ASSERT_EQ(synth.code, 0) << synth.err;
  }

  Finished reconstruct(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"reconstruct", checkpoint_, "--output", output_});
    return run_sapiens(arguments);
  }

  std::string image(const std::string& name, int seed = 1) {
    make_image(scratch_ / name, seed);
    return scratch_ / name;
  }
  std::string out(const std::string& name) const { return output_ + "/" + name; }

  Scratch scratch_;
  std::string checkpoint_ = scratch_ / "tiny.pth";
  std::string output_ = scratch_ / "out";
};

// The part of `image` from column `first` on, `width` wide.
std::vector<std::uint8_t> columns(const Image& image, Index first, Index width) {
  std::vector<std::uint8_t> part;
  for (Index y = 0; y < image.height; ++y) {
    const auto row = image.rgb.begin() + (y * image.width + first) * 3;
    part.insert(part.end(), row, row + width * 3);
  }
  return part;
}

TEST_F(ReconstructCommand, DrawsThreeImagesBesideEachOther) {
  const Finished run = reconstruct({image("a.png")});
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("masked error "));
  EXPECT_THAT(run.out, HasSubstr(out("a.png")));
  const Image drawing = Image::read(out("a.png"));
  EXPECT_EQ(drawing.width, 3 * drawing.height);  // the network's input is square
  const Index side = drawing.height;
  const auto masked = columns(drawing, 0, side), reconstruction = columns(drawing, side, side),
             original = columns(drawing, 2 * side, side);
  std::size_t grey = 0;
  for (std::size_t i = 0; i < masked.size(); ++i) {
    if (masked[i] == original[i]) continue;
    ASSERT_EQ(masked[i], 100);
    ++grey;
  }
  EXPECT_GT(grey, masked.size() / 2);
  EXPECT_NE(reconstruction, masked);
  EXPECT_NE(reconstruction, original);
}

TEST_F(ReconstructCommand, TellsTheErrorsOfEveryImage) {
  const Finished run = reconstruct({image("a.png"), image("b.png", 2), "--json"});
  ASSERT_EQ(run.code, 0) << run.err;
  const Json document = run.json();
  EXPECT_EQ(document["mask_ratio"], 0.75);
  EXPECT_EQ(document["seed"], 1);
  EXPECT_EQ(document["totals"]["done"], 2);
  double masked = 0;
  for (const Json& input : document["inputs"]) {
    EXPECT_GT(input["masked_error"].get<double>(), 0);
    EXPECT_NEAR(input["mean_error"].get<double>(), 1, 0.01);
    EXPECT_TRUE(input["stages"].contains("decoder"));
    masked += input["masked_error"].get<double>() / 2;
  }
  EXPECT_DOUBLE_EQ(document["totals"]["masked_error"].get<double>(), masked);
  EXPECT_NEAR(document["totals"]["mean_error"].get<double>(), 1, 0.01);
}

TEST_F(ReconstructCommand, HasNoErrorsWhereNothingIsHidden) {
  const std::string file = image("a.png");
  const Finished run = reconstruct({file, "--mask-ratio", "0", "--json"});
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_TRUE(run.json()["inputs"][0]["masked_error"].is_null());
  EXPECT_THAT(reconstruct({file, "--mask-ratio", "0"}).out, Not(HasSubstr("masked error")));
  EXPECT_THAT(reconstruct({file, "--mask-ratio", "1"}).out, HasSubstr("masked error"));
}

TEST_F(ReconstructCommand, DrawsTheSameForTheSameSeed) {
  const std::string file = image("a.png");
  ASSERT_EQ(reconstruct({file, "--seed", "5"}).code, 0);
  const std::string first = read_bytes(out("a.png"));
  ASSERT_EQ(reconstruct({file, "--seed", "5", "--threads", "1"}).code, 0);
  EXPECT_EQ(read_bytes(out("a.png")), first);
  ASSERT_EQ(reconstruct({file, "--seed", "6"}).code, 0);
  EXPECT_NE(read_bytes(out("a.png")), first);
}

TEST_F(ReconstructCommand, GoesOnAfterABadImage) {
  image("in/a.png");
  image("in/z.png");
  write_bytes(scratch_ / "in/bad.jpg", "not a JPEG");
  write_bytes(scratch_ / "in/empty.png", "");
  const Finished run = reconstruct({scratch_ / "in", "--json"});
  EXPECT_EQ(run.code, 1);
  EXPECT_EQ(run.json()["totals"]["done"], 2);
  EXPECT_EQ(run.json()["totals"]["failed"], 2);
  EXPECT_TRUE(fs::exists(out("z.png")));
  EXPECT_THAT(run.err, HasSubstr("bad.jpg"));
}

TEST_F(ReconstructCommand, GoesOnWhereItStopped) {
  image("in/a.png");
  image("in/b.png", 2);
  ASSERT_EQ(reconstruct({scratch_ / "in"}).code, 0);
  const std::string before = read_bytes(out("b.png"));
  fs::remove(out("b.png"));
  const Finished run = reconstruct({scratch_ / "in", "--resume", "--json"});
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_EQ(run.json()["totals"]["done"], 1);
  EXPECT_EQ(run.json()["totals"]["finished_before"], 1);
  EXPECT_EQ(read_bytes(out("b.png")), before);
  EXPECT_EQ(reconstruct({scratch_ / "in", "--resume", "--seed", "9"}).code, 2);
}

TEST_F(ReconstructCommand, RefusesACleanedFile) {
  const std::string clean = scratch_ / "clean.pth";
  make_checkpoint(clean);
  const Finished run =
      run_sapiens({"reconstruct", clean, image("a.png"), "--output", output_, "--json"});
  EXPECT_EQ(run.code, 3);
  EXPECT_THAT(run.err,
              HasSubstr("the MAE decoder (neck.*, 104 tensors as published) is not in this file"));
  EXPECT_EQ(run.json()["error"]["code"], "checkpoint-refused");
  EXPECT_FALSE(fs::exists(out("a.png")));
}

TEST_F(ReconstructCommand, RefusesRatiosOutOfRange) {
  const std::string file = image("a.png");
  for (const char* ratio : {"-0.1", "1.5", "nan", "much"}) {
    const Finished run = reconstruct({file, "--mask-ratio", ratio});
    EXPECT_EQ(run.code, 2) << ratio;
    EXPECT_THAT(run.err, HasSubstr("error[usage]"));
  }
}

TEST_F(ReconstructCommand, DoesNotReplaceWhatAnotherCommandDrew) {
  const std::string file = image("a.png");
  ASSERT_EQ(run_sapiens({"features", checkpoint_, file, "--output", output_, "--viz"}).code, 0);
  const Finished run = reconstruct({file});
  EXPECT_EQ(run.code, 2);
  EXPECT_THAT(run.err, HasSubstr("`sapiens features`"));
}

TEST_F(ReconstructCommand, TakesNoArrays) {
  write_bytes(scratch_ / "in/a.npy", "");
  const Finished run = reconstruct({scratch_ / "in"});
  EXPECT_EQ(run.code, 2);
  EXPECT_THAT(run.err, Not(HasSubstr("arrays .npy")));
}

}  // namespace
}  // namespace sapiens

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <sapiens/npy.hpp>

#include "cli/program.hpp"

namespace sapiens {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class Features : public testing::Test {
 protected:
  void SetUp() override { make_checkpoint(checkpoint_); }

  Finished features(std::vector<std::string> arguments, const std::string& standard_input = "") {
    arguments.insert(arguments.begin(), {"features", checkpoint_, "--output", output_});
    return run_sapiens(arguments, standard_input);
  }

  std::string out(const std::string& name) const { return output_ + "/" + name; }
  std::vector<Index> shape(const std::string& name) const { return read_npy(out(name)).shape; }

  Scratch scratch_;
  std::string checkpoint_ = scratch_ / "tiny.pth";
  std::string output_ = scratch_ / "out";
};

TEST_F(Features, FeaturesOfAFolderKeepItsStructure) {
  make_image(scratch_ / "in/a.png");
  make_image(scratch_ / "in/deep/a.png");
  write_bytes(scratch_ / "in/notes.md", "not an image");
  const Finished run = features({scratch_ / "in", "-r"});
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_EQ(shape("a.npy").size(), 3u);
  EXPECT_EQ(shape("deep/a.npy"), shape("a.npy"));
  EXPECT_THAT(run.out, HasSubstr("2 done"));
}

TEST_F(Features, HaveTheShapesOfTheirType) {
  make_image(scratch_ / "a.png");
  ASSERT_EQ(features({scratch_ / "a.png"}).code, 0);
  const std::vector<Index> map = shape("a.npy");  // [C, gh, gw]
  ASSERT_EQ(features({scratch_ / "a.png", "--out-type", "raw"}).code, 0);
  EXPECT_EQ(shape("a.npy"), (std::vector<Index>{map[1] * map[2] + 1, map[0]}));
  for (const std::string type : {"cls_token", "avg_featmap"}) {
    ASSERT_EQ(features({scratch_ / "a.png", "--out-type", type}).code, 0);
    EXPECT_EQ(shape("a.npy"), (std::vector<Index>{map[0]}));
  }
}

TEST_F(Features, FeaturesOfAnArrayKeepItsBatchAxis) {
  const std::vector<float> values(2 * 3 * 64 * 48, 0.25f);
  write_npy(scratch_ / "two.npy", std::vector<Index>{2, 3, 64, 48}, values);
  write_npy(scratch_ / "one.npy", std::vector<Index>{3, 64, 48},
            std::span(values).first(3 * 64 * 48));
  ASSERT_EQ(features({scratch_ / "two.npy", scratch_ / "one.npy"}).code, 0);
  std::vector<Index> batched = shape("one.npy");
  batched.insert(batched.begin(), 2);
  EXPECT_EQ(shape("two.npy"), batched);
}

TEST_F(Features, FeaturesOfAnArrayEqualThoseOfTheImage) {
  make_image(scratch_ / "a.png");
  Encoder encoder(Checkpoint::open(checkpoint_));
  const FloatArray input = encoder.preprocess(Image::read(scratch_ / "a.png"));
  write_npy(scratch_ / "b.npy", std::vector<Index>(input.shape.end() - 3, input.shape.end()),
            input.values);
  ASSERT_EQ(features({scratch_ / "a.png", scratch_ / "b.npy"}).code, 0);
  EXPECT_EQ(read_bytes(out("a.npy")), read_bytes(out("b.npy")));
}

TEST_F(Features, FeaturesOfABatchEqualThoseOneByOne) {
  for (int i = 0; i < 5; ++i) make_image(scratch_ / ("in/" + std::to_string(i) + ".png"), i + 1);
  ASSERT_EQ(features({scratch_ / "in"}).code, 0);
  const std::string single = read_bytes(out("4.npy"));
  ASSERT_EQ(features({scratch_ / "in", "--batch", "3"}).code, 0);
  EXPECT_EQ(read_bytes(out("4.npy")), single);
}

TEST_F(Features, EveryLayerHasItsOwnFile) {
  make_image(scratch_ / "a.png");
  const Finished run = features({scratch_ / "a.png", "--layers", "0,-1", "--json"});
  ASSERT_EQ(run.code, 0) << run.err;
  const Json outputs = run.json()["inputs"][0]["outputs"];
  ASSERT_EQ(outputs.size(), 2u);
  EXPECT_EQ(outputs[0]["path"], out("a.layer00.npy"));
  for (const Json& output : outputs) EXPECT_TRUE(fs::exists(output["path"].get<std::string>()));
  EXPECT_EQ(features({scratch_ / "a.png", "--layers", "99"}).code, 2);
}

TEST_F(Features, GoOnAfterABadImage) {
  make_image(scratch_ / "in/a.png");
  write_bytes(scratch_ / "in/bad.jpg", "not a JPEG");
  write_bytes(scratch_ / "in/empty.npy", "");
  make_image(scratch_ / "in/z.png");
  const Finished run = features({scratch_ / "in", "--json"});
  EXPECT_EQ(run.code, 1);
  const Json document = run.json();
  EXPECT_EQ(document["totals"]["done"], 2);
  EXPECT_EQ(document["totals"]["failed"], 2);
  EXPECT_TRUE(document["inputs"][1].contains("error"));
  EXPECT_TRUE(fs::exists(out("z.npy")));
  EXPECT_THAT(run.err, HasSubstr("bad.jpg"));
}

TEST_F(Features, MissingInputsFailAndAreAMissingFileWhenAlone) {
  make_image(scratch_ / "a.png");
  EXPECT_EQ(features({scratch_ / "a.png", scratch_ / "none.png"}).code, 1);
  EXPECT_EQ(features({scratch_ / "none.png"}).code, 4);
}

TEST_F(Features, InputsOfEqualNamesDoNotReplaceEachOther) {
  make_image(scratch_ / "in/a.png", 1);
  make_image(scratch_ / "in/a.jpg", 2);
  const Finished run = features({scratch_ / "in"});
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_NE(read_bytes(out("a.jpg.npy")), read_bytes(out("a.png.npy")));
  EXPECT_THAT(run.err, HasSubstr("another input has the same name"));
}

TEST_F(Features, AllInputsOfANulSeparatedListAreWritten) {
  std::string list;
  for (int i = 1; i <= 3; ++i) {
    const std::string path = scratch_ / ("in/b c" + std::to_string(i) + ".png");
    make_image(path, i);
    list += path + '\0';
  }
  const Finished run = features({"-"}, list);
  EXPECT_EQ(run.code, 0) << run.err;
  for (const char* name : {"b c1.npy", "b c2.npy", "b c3.npy"}) EXPECT_TRUE(fs::exists(out(name)));
  const std::string first = read_bytes(out("b c1.npy"));
  ASSERT_EQ(features({scratch_ / "in/b c1.png"}).code, 0);
  EXPECT_TRUE(read_bytes(out("b c1.npy")) == first);
}

TEST_F(Features, LinksAreWrittenUnderTheirNames) {
  make_image(scratch_ / "blobs/x", 1);
  fs::create_directories(scratch_ / "in");
  for (const char* name : {"a.png", "b.png"}) {
    fs::create_symlink("../blobs/x", scratch_ / "in/" + name);
  }
  make_image(scratch_ / "elsewhere/c.jfif", 2);
  fs::create_directory_symlink("../elsewhere", scratch_ / "in/train");
  const Finished run = features({scratch_ / "in", "-r", "--json"});
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_EQ(run.json()["totals"]["done"], 3);
  EXPECT_TRUE(read_bytes(out("a.npy")) == read_bytes(out("b.npy")));
  EXPECT_TRUE(fs::exists(out("train/c.npy")));
}

TEST_F(Features, SayWhatWasLeftOut) {
  make_image(scratch_ / "in/a.png");
  make_image(scratch_ / "in/deep/b.png");
  write_bytes(scratch_ / "in/notes.md", "no image");
  const Finished run = features({scratch_ / "in", scratch_ / "in/a.png", "--json"});
  EXPECT_EQ(run.code, 0) << run.err;
  const Json left_out = run.json()["left_out"];
  ASSERT_EQ(left_out.size(), 3u);
  EXPECT_EQ(left_out[0]["reason"], "repeated");
  EXPECT_EQ(left_out[1], (Json{{"reason", "folder"},
                               {"count", 1},
                               {"examples", Json::array({scratch_ / "in/deep"})}}));
  EXPECT_EQ(left_out[2]["reason"], "other-kind");
  EXPECT_EQ(Json::parse(read_bytes(out("sapiens-features.json")))["left_out"], left_out);
  EXPECT_THAT(run.err, HasSubstr("left out: 1 folder inside a folder"));
}

TEST_F(Features, UnnormalisedArraysGiveAWarning) {
  std::vector<float> values(3 * 64 * 48, 100);
  values[0] = 0;
  values[1] = 255;
  write_npy(scratch_ / "raw.npy", std::vector<Index>{3, 64, 48}, values);
  const Finished run = features({scratch_ / "raw.npy", "--json"});
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_THAT(run.err, HasSubstr("warning: "));
  EXPECT_THAT(run.json()["inputs"][0]["warning"].get<std::string>(), HasSubstr("from 0 to 255"));
}

TEST_F(Features, AListOnStandardInputIsRead) {
  make_image(scratch_ / "a.png");
  EXPECT_EQ(features({"-"}, "# one\n" + (scratch_ / "a.png") + "\n").code, 0);
  EXPECT_TRUE(fs::exists(out("a.npy")));
}

TEST_F(Features, TheLongestFileNameIsWritten) {
  const std::string name(255 - 4, 'x');
  make_image(scratch_ / "a.png");
  fs::rename(scratch_ / "a.png", scratch_ / (name + ".png"));
  EXPECT_EQ(features({scratch_ / (name + ".png")}).code, 0);
  EXPECT_TRUE(fs::exists(out(name + ".npy")));
}

TEST_F(Features, AMissingClassTokenIsRefusedBeforeAnyInputIsRead) {
  checkpoint_ = scratch_ / "pose.pth";
  ASSERT_EQ(run_sapiens({"synth", checkpoint_, "--arch", "tiny", "--task", "pose"}).code, 0);
  make_image(scratch_ / "a.png");
  const Finished run = features({scratch_ / "a.png", "--out-type", "cls_token", "--json"});
  EXPECT_EQ(run.code, 2);
  EXPECT_EQ(run.json()["error"]["key"], "--out-type");
}

TEST_F(Features, MissingRegistersAreRefusedBeforeAnyInputIsRead) {
  make_image(scratch_ / "a.png");
  const Finished run = features({scratch_ / "a.png", "--out-type", "registers", "--json"});
  EXPECT_EQ(run.code, 2);
  EXPECT_EQ(run.json()["error"]["key"], "--out-type");
  EXPECT_EQ(run.json()["error"]["expected"], "featmap, raw, cls_token or avg_featmap");
}

TEST_F(Features, OfSapiens2HaveRegistersAndAreDrawn) {
  checkpoint_ = SAPIENS_TEST_DATA "/golden/sapiens2_names/plain.safetensors";
  make_image(scratch_ / "a.png");
  const auto sapiens2 = [&](std::vector<std::string> more) {
    more.insert(more.begin(), {scratch_ / "a.png", "--size", "64x48", "--json"});
    return features(more);
  };
  const Finished registers = sapiens2({"--out-type", "registers"});
  ASSERT_EQ(registers.code, 0) << registers.err;
  EXPECT_THAT(registers.err, HasSubstr("Sapiens2 custom encoder, width 8, 2 blocks"));
  EXPECT_EQ(shape("a.npy"), (std::vector<Index>{8, 8}));
  ASSERT_EQ(sapiens2({"--viz"}).code, 0);
  const Image of_map = Image::read(out("a.png"));
  ASSERT_EQ(sapiens2({"--viz", "--out-type", "raw"}).code, 0);
  EXPECT_EQ(shape("a.npy"), (std::vector<Index>{1 + 8 + 4 * 3, 8}));
  EXPECT_EQ(Image::read(out("a.png")).rgb, of_map.rgb);

  const Finished lite = sapiens2({"--preprocess", "lite"});
  EXPECT_EQ(lite.code, 2);
  EXPECT_EQ(lite.json()["error"]["key"], "--preprocess");
  EXPECT_THAT(lite.json()["error"]["hint"].get<std::string>(), HasSubstr("--preprocess"));
}

TEST_F(Features, FeaturesWithNaNOrF16OverflowAreNotWritten) {
  write_npy(scratch_ / "nan.npy", std::vector<Index>{3, 16, 16},
            std::vector<float>(3 * 16 * 16, std::numeric_limits<float>::quiet_NaN()));
  EXPECT_EQ(features({scratch_ / "nan.npy"}).code, 1);
  EXPECT_FALSE(fs::exists(out("nan.npy")));

  // Without the final norm, the residual stream of this input is as large as the input.
  write_npy(scratch_ / "large.npy", std::vector<Index>{3, 16, 16},
            std::vector<float>(3 * 16 * 16, 1e7f));
  const std::vector<std::string> first_block = {scratch_ / "large.npy", "--layers", "0", "--json"};
  EXPECT_EQ(features(first_block).code, 0);
  std::vector<std::string> as_f16 = first_block;
  as_f16.insert(as_f16.end(), {"--dtype", "f16"});
  const Finished run = features(as_f16);
  EXPECT_EQ(run.code, 1);
  EXPECT_EQ(run.json()["inputs"][0]["error"]["key"], "--dtype");
  EXPECT_FALSE(fs::exists(out("large.npy")));
}

TEST_F(Features, AreDrawnOverTheImage) {
  make_image(scratch_ / "a.png");
  for (const std::string type : {"featmap", "raw"}) {
    ASSERT_EQ(features({scratch_ / "a.png", "--viz", "--out-type", type}).code, 0);
    EXPECT_GT(Image::read(out("a.png")).width, 40);
    fs::remove(out("a.png"));
  }
  const Finished run = features({scratch_ / "a.png", "--viz", "--out-type", "cls_token"});
  EXPECT_EQ(run.code, 0);
  EXPECT_THAT(run.err, HasSubstr("no images are drawn"));
}

TEST_F(Features, HalfPrecisionHalvesTheFiles) {
  make_image(scratch_ / "a.png");
  ASSERT_EQ(features({scratch_ / "a.png", "--dtype", "f16"}).code, 0);
  EXPECT_THAT(read_bytes(out("a.npy")), HasSubstr("'<f2'"));
}

TEST_F(Features, NeverReplaceAnInput) {
  make_image(scratch_ / "out/a.png");
  const std::string before = read_bytes(scratch_ / "out/a.png");
  EXPECT_EQ(features({scratch_ / "out/a.png", "--viz"}).code, 2);
  EXPECT_EQ(read_bytes(scratch_ / "out/a.png"), before);
}

TEST_F(Features, NeedAFolderThatCanBeWritten) {
  make_image(scratch_ / "a.png");
  write_bytes(output_, "a file");
  EXPECT_EQ(features({scratch_ / "a.png"}).code, 5);
}

TEST_F(Features, AnIncompleteModelIsRefusedOrMarked) {
  make_image(scratch_ / "a.png");
  checkpoint_ = scratch_ / "broken.safetensors";
  make_incomplete_checkpoint(checkpoint_);
  const Finished refused = features({scratch_ / "a.png", "--json"});
  EXPECT_EQ(refused.code, 3) << refused.err;
  EXPECT_EQ(refused.json()["error"]["code"], "checkpoint-refused");
  EXPECT_FALSE(fs::exists(out("a.npy")));

  const Finished partial = features({scratch_ / "a.png", "--allow-partial", "--json"});
  EXPECT_EQ(partial.code, 0) << partial.err;
  EXPECT_EQ(partial.json()["partial"], true);
  EXPECT_THAT(partial.err, HasSubstr("warning"));
  EXPECT_TRUE(fs::exists(out("a.partial.npy")));
  EXPECT_FALSE(fs::exists(out("a.npy")));
}

}  // namespace
}  // namespace sapiens

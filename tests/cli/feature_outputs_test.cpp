#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <sapiens/image.hpp>
#include <sapiens/npy.hpp>
#include <sapiens/pooling.hpp>
#include <sapiens/quantize.hpp>
#include <sapiens/result_files.hpp>

#include "cli/program.hpp"

namespace sapiens {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

/// Several forms in one pass, pooled maps and smaller numbers.
class FeatureOutputs : public testing::Test {
 protected:
  void SetUp() override {
    make_checkpoint(checkpoint_);
    make_image(photo_);
  }

  Finished features(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"features", checkpoint_, "--output", output_, "--json"});
    return run_sapiens(arguments);
  }

  std::vector<std::string> files() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(output_)) {
      if (entry.path().extension() != ".json") names.push_back(entry.path().filename().string());
    }
    return names;
  }

  std::string out(const std::string& name) const { return output_ + "/" + name; }
  FloatArray array(const std::string& name) const { return read_npy(out(name)); }

  /// The whole map, and where its patches are in the image.
  FloatArray whole_map() {
    EXPECT_EQ(features({photo_}).code, 0);
    FloatArray map = array("photo.npy");
    fs::remove_all(output_);
    return map;
  }
  PatchPlacement placement(const FloatArray& map) const {
    const Image image = Image::read(photo_);
    return {.image = {image.height, image.width}, .input = {16 * map.shape[1], 16 * map.shape[2]}};
  }

  Scratch scratch_;
  std::string checkpoint_ = scratch_ / "tiny.pth";
  std::string photo_ = scratch_ / "in/photo.png";
  std::string output_ = scratch_ / "out";
};

TEST_F(FeatureOutputs, SeveralFormsEqualThoseOfRunsOfTheirOwn) {
  ASSERT_EQ(features({photo_, "--out-type", "featmap,cls_token,raw"}).code, 0);
  EXPECT_THAT(files(),
              UnorderedElementsAre("photo.featmap.npy", "photo.cls_token.npy", "photo.raw.npy"));
  for (const std::string type : {"featmap", "cls_token", "raw"}) {
    const std::string together = read_bytes(out("photo." + type + ".npy"));
    ASSERT_EQ(features({photo_, "--out-type", type}).code, 0);
    EXPECT_TRUE(read_bytes(out("photo.npy")) == together) << type;
  }
}

TEST_F(FeatureOutputs, BlocksAndFormsAreNamedInTheOrderGiven) {
  const Finished run =
      features({photo_, "--out-type", "avg_featmap,featmap", "--layers", "-1,0", "--viz"});
  ASSERT_EQ(run.code, 0) << run.err;
  const Json input = run.json()["inputs"][0];
  std::vector<std::string> names;
  for (const Json& output : input["outputs"]) {
    const std::string path = output["path"];
    names.push_back(path.substr(path.find("photo.")));
    EXPECT_EQ(output["shape"], Json(read_npy(path).shape));
    EXPECT_THAT(path, HasSubstr(output["out_type"].get<std::string>()));
  }
  EXPECT_THAT(names, ElementsAre("photo.layer00.avg_featmap.npy", "photo.layer00.featmap.npy",
                                 HasSubstr(".avg_featmap.npy"), HasSubstr(".featmap.npy")));
  EXPECT_TRUE(fs::exists(input["viz"].get<std::string>()));
}

TEST_F(FeatureOutputs, AFormGivenTwiceIsRefused) {
  EXPECT_EQ(features({photo_, "--out-type", "raw,raw"}).code, 2);
  EXPECT_EQ(features({photo_, "--out-type", "raw,map"}).code, 2);
}

TEST_F(FeatureOutputs, ResumeComparesFormsPoolingAndNumbers) {
  const std::vector<std::string> first = {photo_, "--out-type", "featmap,raw", "--pool", "mean"};
  ASSERT_EQ(features(first).code, 0);
  const auto resumed = [&](std::vector<std::string> arguments) {
    arguments.push_back("--resume");
    return features(arguments);
  };
  EXPECT_EQ(resumed(first).json()["totals"]["finished_before"], 1);
  EXPECT_EQ(resumed({photo_, "--out-type", "featmap,raw"}).json()["error"]["key"], "pool");
  EXPECT_EQ(resumed({photo_, "--out-type", "raw,featmap", "--pool", "mean"}).code, 2);
  fs::remove(out("photo.raw.npy"));
  EXPECT_EQ(resumed(first).json()["totals"]["done"], 1);
}

TEST_F(FeatureOutputs, MeanAndGridAreThoseOfTheWholeMap) {
  const FloatArray map = whole_map();
  ASSERT_EQ(features({photo_, "--pool", "mean", "--out-type", "featmap,cls_token"}).code, 0);
  EXPECT_EQ(array("photo.featmap.npy").values, pool_mean(map.view<3>()).values);
  EXPECT_EQ(array("photo.cls_token.npy").shape.size(), 1u);
  ASSERT_EQ(features({photo_, "--pool", "grid:3x2"}).code, 0);
  EXPECT_EQ(array("photo.npy").shape, (std::vector<Index>{map.shape[0], 3, 2}));
  EXPECT_EQ(array("photo.npy").values, pool_grid(map.view<3>(), {3, 2}).values);
}

TEST_F(FeatureOutputs, MeansUnderMasksTakeWhatSegWrote) {
  const FloatArray map = whole_map();
  const PatchPlacement place = placement(map);
  const auto [height, width] = place.image;
  Segmentation seg{.width = width, .height = height, .classes = 28};
  for (Index i = 0; i < height * width; ++i) {
    seg.ids.push_back(static_cast<std::uint8_t>(i % width < width / 3 ? 0 : i % 2 == 0 ? 3 : 27));
  }
  const auto expected = [&](auto counts) {
    std::vector<std::uint8_t> mask;
    for (const std::uint8_t id : seg.ids) mask.push_back(counts(id));
    return pool_mask(map.view<3>(), mask, place).values;
  };
  write_class_png(scratch_ / "in/photo_seg.png", seg);
  ASSERT_EQ(features({photo_, "--pool", "mask"}).code, 0);
  EXPECT_EQ(array("photo.npy").values, expected([](int id) { return id != 0; }));
  ASSERT_EQ(features({photo_, "--pool", "mask", "--mask-class", "Tongue"}).code, 0);
  EXPECT_EQ(array("photo.npy").values, expected([](int id) { return id == 27; }));

  fs::create_directories(scratch_ / "masks");
  const Index shape[] = {height, width};
  write_npy_ids(scratch_ / "masks/photo_seg.npy", shape, seg.ids);
  ASSERT_EQ(
      features({photo_, "--pool", "mask", "--mask", scratch_ / "masks", "--mask-class", "0,3"})
          .code,
      0);
  EXPECT_EQ(array("photo.npy").values, expected([](int id) { return id == 0 || id == 3; }));
  std::vector<std::uint8_t> half(seg.ids.size());
  std::fill(half.begin() + std::ssize(half) / 2, half.end(), 1);
  write_npy_mask(scratch_ / "masks/photo.npy", shape, half);
  ASSERT_EQ(features({photo_, "--pool", "mask", "--mask", scratch_ / "masks"}).code, 0);
  EXPECT_EQ(array("photo.npy").values, pool_mask(map.view<3>(), half, place).values);
}

TEST_F(FeatureOutputs, AnInputWhoseMaskIsMissingEmptyOrOfAnotherSizeFailsAndOthersGoOn) {
  const Image image = Image::read(photo_);
  const auto mask = [&](const std::string& name, Index width, std::uint8_t value) {
    make_image(scratch_ / ("in/" + name + ".png"));
    const Index shape[] = {image.height, width};
    write_npy_mask(
        scratch_ / ("masks/" + name + ".npy"), shape,
        std::vector<std::uint8_t>(static_cast<std::size_t>(image.height * width), value));
  };
  fs::create_directories(scratch_ / "masks");
  mask("empty", image.width, 0);
  mask("other", image.width + 1, 1);
  mask("whole", image.width, 1);
  const Finished run = features({scratch_ / "in", "--pool", "mask", "--mask", scratch_ / "masks"});
  EXPECT_EQ(run.code, 1);
  EXPECT_EQ(run.json()["totals"]["failed"], 3);
  EXPECT_THAT(files(), ElementsAre("whole.npy"));
  EXPECT_THAT(run.err, AllOf(HasSubstr("nothing of this image is under its mask"),
                             HasSubstr("there is no mask for this image"),
                             HasSubstr("the mask has another shape")));
}

TEST_F(FeatureOutputs, AClassNameThatMeansSeveralClassesIsRefused) {
  const Finished run = features({photo_, "--pool", "mask", "--mask-class", "Hair"});
  EXPECT_EQ(run.code, 2);
  EXPECT_THAT(run.json()["error"]["expected"], HasSubstr("an id: 2 in"));
  EXPECT_EQ(features({photo_, "--pool", "mask", "--mask-class", "hare"}).code, 2);
}

TEST_F(FeatureOutputs, BoxesGiveOneVectorEach) {
  const FloatArray map = whole_map();
  make_image(scratch_ / "in/nobody.png");
  const Json boxes = {{{"file_name", "photo.png"}, {"bbox", {1, 2, 9, 12}}},
                      {{"file_name", "photo.png"}, {"bbox", {-4, 3.5, 12, 6}}}};
  write_bytes(scratch_ / "boxes.json", boxes.dump());
  const Finished run = features(
      {scratch_ / "in", "--pool", "boxes", "--boxes", scratch_ / "boxes.json", "--layers", "0,-1"});
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_THAT(run.err, HasSubstr("no vector of it"));
  const Json input = run.json()["inputs"][1];
  EXPECT_EQ(input["boxes"], Json({{1, 2, 9, 12}, {-4, 3.5, 12, 6}}));
  const std::vector<Box> expected = {{.x = 1, .y = 2, .width = 9, .height = 12},
                                     {.x = -4, .y = 3.5f, .width = 12, .height = 6}};
  EXPECT_EQ(read_npy(input["outputs"][1]["path"].get<std::string>()).values,
            pool_boxes(map.view<3>(), expected, placement(map)).values);
  EXPECT_EQ(read_npy(run.json()["inputs"][0]["outputs"][0]["path"].get<std::string>()).shape,
            (std::vector<Index>{0, map.shape[0]}));
}

TEST_F(FeatureOutputs, WhatPoolingCannotDoIsRefusedBeforeAnythingIsComputed) {
  const auto key = [&](std::vector<std::string> more) {
    more.insert(more.begin(), photo_);
    const Finished run = features(more);
    EXPECT_EQ(run.code, 2) << run.out;
    return run.json()["error"]["key"].get<std::string>();
  };
  EXPECT_EQ(key({"--pool", "mean", "--out-type", "raw,cls_token"}), "--pool");
  EXPECT_EQ(key({"--pool", "grid:100x1"}), "--pool");
  EXPECT_EQ(key({"--pool", "boxes"}), "--pool");
  EXPECT_EQ(key({"--mask", scratch_ / "in"}), "--mask");
  EXPECT_EQ(key({"--pool", "mean", "--mask-class", "3"}), "--mask-class");
  EXPECT_EQ(key({"--boxes", scratch_ / "boxes.json"}), "--boxes");
  EXPECT_EQ(features({photo_, "--pool", "max"}).code, 2);
  EXPECT_EQ(features({photo_, "--pool", "grid:0x3"}).code, 2);
}

TEST_F(FeatureOutputs, ArraysKeepTheirBatchAxisAndHaveNoMaskOfEach) {
  const std::vector<float> values(2 * 3 * 64 * 48, 0.25f);
  write_npy(scratch_ / "two.npy", std::vector<Index>{2, 3, 64, 48}, values);
  const Index width = whole_map().shape[0];
  ASSERT_EQ(features({scratch_ / "two.npy", "--pool", "grid:2x2"}).code, 0);
  EXPECT_EQ(array("two.npy").shape, (std::vector<Index>{2, width, 2, 2}));
  const Finished run = features({scratch_ / "two.npy", "--pool", "mask"});
  EXPECT_EQ(run.code, 1);
  EXPECT_EQ(run.json()["inputs"][0]["error"]["key"], "--pool");
}

TEST_F(FeatureOutputs, BytesOfInt8AreThoseOfTheLibrary) {
  const FloatArray map = whole_map();
  const Finished run = features({photo_, "--dtype", "int8"});
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_THAT(files(), UnorderedElementsAre("photo.npy", "photo.scale.npy"));
  const QuantizedRows rows = quantize_rows(map.shape, map.values);
  const std::vector<std::byte> expected = encode_npy_int8(rows.shape, rows.values);
  EXPECT_TRUE(read_bytes(out("photo.npy")) ==
              std::string(reinterpret_cast<const char*>(expected.data()), expected.size()));
  EXPECT_EQ(array("photo.scale.npy").values, rows.scales.values);
  const Json outputs = run.json()["inputs"][0]["outputs"];
  EXPECT_EQ(outputs[1]["scale"], true);
  EXPECT_EQ(outputs[1]["shape"], Json({map.shape[0], map.shape[1]}));
  fs::remove(out("photo.scale.npy"));
  EXPECT_EQ(features({photo_, "--dtype", "int8", "--resume"}).json()["totals"]["done"], 1);
}

TEST_F(FeatureOutputs, Bfloat16IsHalfAsLong) {
  const FloatArray map = whole_map();
  ASSERT_EQ(features({photo_, "--dtype", "bf16"}).code, 0);
  const std::vector<std::byte> expected = encode_npy(map.shape, map.values, DType::BF16);
  EXPECT_TRUE(read_bytes(out("photo.npy")) ==
              std::string(reinterpret_cast<const char*>(expected.data()), expected.size()));
}

TEST_F(FeatureOutputs, OfAnotherMaskAreNotKeptByResume) {
  const Image image = Image::read(photo_);
  const std::vector<Index> shape = {image.height, image.width};
  std::vector<std::uint8_t> mask(static_cast<std::size_t>(image.height * image.width), 1);
  fs::create_directories(scratch_ / "masks");
  write_npy_mask(scratch_ / "masks/photo.npy", shape, mask);
  const std::vector<std::string> words = {photo_,   "--pool",           "mask",
                                          "--mask", scratch_ / "masks", "--resume"};
  ASSERT_EQ(features(words).json().at("totals").at("done"), 1);
  const FloatArray before = array("photo.npy");
  EXPECT_EQ(features(words).json().at("totals").at("finished_before"), 1);

  std::fill(mask.begin() + std::ssize(mask) / 4, mask.end(), 0);
  write_npy_mask(scratch_ / "masks/photo.npy", shape, mask);
  // Whatever the resolution of the clock of the file system is.
  const auto later = fs::last_write_time(out("photo.npy")) + std::chrono::seconds(2);
  fs::last_write_time(scratch_ / "masks/photo.npy", later);
  EXPECT_EQ(features(words).json().at("totals").at("done"), 1);
  EXPECT_NE(array("photo.npy").values, before.values);
}

}  // namespace
}  // namespace sapiens

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <sapiens/video.hpp>
#include <set>
#include <string>
#include <vector>

#include "cli/task_fixture.hpp"

namespace sapiens {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

/// `sapiens features` on videos.
class FeatureVideos : public TaskFixture {
 protected:
  void SetUp() override {
    std::string why;
    if (!video_available(&why)) GTEST_SKIP() << why;
    make_checkpoint(scratch_ / "features.pth");
    for (int number = 0; number < 10; ++number) {
      const std::string name = "frames/" + std::to_string(number) + ".png";
      frames_.push_back(Image::read(image(name, number)));
    }
  }

  /// Two seconds of five frames each.
  std::string clip() {
    VideoWriter video(scratch_ / "clip.mp4", 5, kWidth, kHeight);
    for (const Image& frame : frames_) video.write(frame);
    video.finish();
    return scratch_ / "clip.mp4";
  }

  /// What the frames of a video show, as image files `video/000003.png`.
  void save_frames(const std::string& path) {
    VideoReader video = VideoReader::open(path);
    Image frame;
    for (Index number = 0; video.skip(); ++number) {
      video.retrieve(frame);
      fs::create_directories(scratch_ / "video");
      frame.write_png(scratch_ / ("video/00000" + std::to_string(number) + ".png"));
    }
  }

  std::set<std::string> files() const {
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(out("clip"))) {
      names.insert(entry.path().filename().string());
    }
    return names;
  }

  std::vector<Image> frames_;
};

TEST_F(FeatureVideos, EqualThoseOfTheFramesAsImages) {
  const std::vector<std::string> forms = {"--out-type", "featmap,cls_token", "--viz"};
  std::vector<std::string> arguments = {clip(), "--every", "3", "--batch", "2"};
  arguments.insert(arguments.end(), forms.begin(), forms.end());
  const Finished of_video = run("features", arguments);
  ASSERT_EQ(of_video.code, 0) << of_video.err;
  EXPECT_EQ(files().size(), 4u * 3);
  save_frames(scratch_ / "clip.mp4");
  const std::string videos = output_;
  output_ = scratch_ / "images";
  arguments = {scratch_ / "video"};
  arguments.insert(arguments.end(), forms.begin(), forms.end());
  ASSERT_EQ(run("features", arguments).code, 0);
  for (const std::string name : {"000000", "000003", "000006", "000009"}) {
    for (const char* ending : {".featmap.npy", ".cls_token.npy", ".png"}) {
      EXPECT_TRUE(read_bytes(videos + "/clip/" + name + ending) == read_bytes(out(name + ending)))
          << name << ending;
    }
  }
}

TEST_F(FeatureVideos, ADocumentSaysWhatTheFramesAre) {
  const Finished run_of = run("features", {clip(), "--start", "1", "--end", "1.5", "--json"});
  ASSERT_EQ(run_of.code, 0) << run_of.err;
  EXPECT_THAT(files(), ElementsAre("000005.npy", "000006.npy", "000007.npy"));
  const Json video = document("clip.json");
  EXPECT_EQ(video["frames"], 3);
  EXPECT_EQ(video["seconds"].size(), 3u);
  EXPECT_EQ(video["video"]["width"], kWidth);
  const Json input = run_of.json()["inputs"][0];
  EXPECT_EQ(input["frames"], 3);
  EXPECT_EQ(input["outputs"][0]["path"], out("clip.json"));
}

TEST_F(FeatureVideos, FinishedOnesAreKeptAndOthersReplaced) {
  const std::string video = clip();
  ASSERT_EQ(run("features", {video, "--every", "2"}).code, 0);
  write_bytes(out("clip/000001.txt"), "not ours");
  const Finished again = run("features", {video, "--every", "2", "--resume", "--json"});
  EXPECT_EQ(again.json()["totals"]["finished_before"], 1);
  EXPECT_EQ(run("features", {video, "--every", "3", "--resume"}).code, 2) << "other frames";
  ASSERT_EQ(run("features", {video, "--every", "5"}).code, 0);
  EXPECT_THAT(files(), ElementsAre("000000.npy", "000001.txt", "000005.npy"));
}

TEST_F(FeatureVideos, AFolderCanBeAVideoAndStandBesideImages) {
  const Finished run_of = run("features", {scratch_ / "frames", image("single.png"), clip(),
                                           "--frames", "5", "--every", "4", "--json"});
  ASSERT_EQ(run_of.code, 0) << run_of.err;
  EXPECT_EQ(run_of.json()["totals"]["done"], 3);
  for (const char* name : {"frames/000008.npy", "frames.json", "single.npy", "clip/000004.npy"}) {
    EXPECT_TRUE(fs::exists(out(name))) << name;
  }
}

TEST_F(FeatureVideos, WhatIsWrongWithAVideoIsItsOwnError) {
  write_bytes(scratch_ / "broken.mp4", read_bytes(clip()).substr(0, 100));
  write_bytes(scratch_ / "boxes.json", R"([{"file_name": "a.png", "bbox": [1, 2, 3, 4]}])");
  const std::string single = image("a.png");
  const Finished run_of = run("features", {scratch_ / "broken.mp4", single});
  EXPECT_EQ(run_of.code, 1);
  EXPECT_THAT(run_of.err, HasSubstr("failed: " + (scratch_ / "broken.mp4")));
  EXPECT_TRUE(fs::exists(out("a.npy")));
  const Finished boxes = run("features", {scratch_ / "clip.mp4", single, "--pool", "boxes",
                                          "--boxes", scratch_ / "boxes.json"});
  EXPECT_EQ(boxes.code, 1);
  EXPECT_THAT(boxes.err, HasSubstr("are about images, not about frames"));
  const Finished none = run("features", {scratch_ / "clip.mp4", "--start", "100"});
  EXPECT_THAT(none.err, HasSubstr("no frame of this video was asked for"));
}

}  // namespace
}  // namespace sapiens

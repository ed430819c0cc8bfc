#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <sapiens/npy.hpp>
#include <sapiens/video.hpp>
#include <thread>

#include "cli/task_fixture.hpp"
#include "support/mov_file.hpp"

namespace sapiens {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class Video : public TaskFixture {
 protected:
  void SetUp() override {
    std::string why;
    if (!video_available(&why)) GTEST_SKIP() << why;
  }

  static std::string golden(const std::string& name) {
    return std::string(SAPIENS_TEST_DATA) + "/golden/rtmdet/" + name;
  }

  /// Five seconds, 25 frames each; what they show moves.
  std::string clip(const std::string& name = "clip.mp4", Index frames = 125) {
    VideoWriter video(scratch_ / name, 25, 64, 48);
    for (Index number = 0; number < frames; ++number) {
      Image frame{.width = 64, .height = 48, .rgb = std::vector<std::uint8_t>(64 * 48 * 3, 30)};
      for (Index y = 10; y < 30; ++y) {
        for (Index x = 0; x < 12; ++x) {
          frame.rgb[static_cast<std::size_t>((y * 64 + (x + number) % 64) * 3)] = 220;
        }
      }
      video.write(frame);
    }
    video.finish();
    return scratch_ / name;
  }

  /// The golden image of the detector, for some frames.
  std::string crowd(Index frames) {
    const Image image = Image::read(golden("image.jpg"));
    VideoWriter video(scratch_ / "crowd.avi", 10, image.width, image.height);
    for (Index number = 0; number < frames; ++number) video.write(image);
    video.finish();
    return scratch_ / "crowd.avi";
  }

  static Index count_frames(const fs::path& path) {
    VideoReader video = VideoReader::open(path);
    while (video.skip()) {
    }
    return video.frames_read();
  }

  Index files_in(const std::string& folder) const {
    return std::distance(fs::directory_iterator(out(folder)), fs::directory_iterator());
  }
};

TEST_F(Video, KeepsFramesAndRate) {
  const Finished seg = run("seg", {clip(), "--viz", "--json", "--format", "npy,png"});
  ASSERT_EQ(seg.code, 0) << seg.err;
  EXPECT_EQ(seg.json()["inputs"][0]["frames"], 125);
  EXPECT_EQ(files_in("clip"), 3 * 125);
  EXPECT_NO_THROW(read_npy_mask(out("clip/000124.npy"), std::vector<Index>{48, 64}));
  EXPECT_EQ(count_frames(out("clip.mp4")), 125);
  EXPECT_NEAR(VideoReader::open(out("clip.mp4")).rate(), 25, 1e-3);
  const Json document = this->document("clip.json");
  EXPECT_EQ(document["frames"], 125);
  EXPECT_EQ(document["video"]["rate"], 25.0);
}

TEST_F(Video, TakesTheFramesAskedFor) {
  const Finished pose = run("pose", {clip(), "--no-flip-test", "--viz", "--start", "1", "--end",
                                     "3", "--every", "10", "--batch", "3", "--json"});
  ASSERT_EQ(pose.code, 0) << pose.err;
  EXPECT_EQ(pose.json()["inputs"][0]["frames"], 5);
  EXPECT_EQ(files_in("clip"), 5);
  const Json frame = document("clip/000045.json");
  EXPECT_EQ(frame["frame"], 45);
  EXPECT_NEAR(frame["seconds"].get<double>(), 1.8, 1e-9);
  EXPECT_EQ(frame["instance_info"].size(), 1u);
  EXPECT_EQ(count_frames(out("clip.mp4")), 5);
  EXPECT_NEAR(VideoReader::open(out("clip.mp4")).rate(), 2.5, 1e-3);
  EXPECT_EQ(document("clip.json")["meta_info"]["keypoint_id2name"]["0"], "nose");

  // Frames of the earlier run do not pass for some of this one.
  ASSERT_EQ(run("pose", {scratch_ / "clip.mp4", "--no-flip-test", "--end", "0.1"}).code, 0);
  EXPECT_EQ(files_in("clip"), 3);
  const Finished none = run("pose", {scratch_ / "clip.mp4", "--start", "60", "--json"});
  EXPECT_EQ(none.code, 1);
  EXPECT_THAT(none.err, HasSubstr("--start"));
}

TEST_F(Video, AVariableRateUsesTheTimesOfTheFrames) {
  const std::string photo = std::string(SAPIENS_TEST_DATA) + "/golden/preprocess_full/odd_420.jpg";
  const Image size = Image::read(photo);
  std::vector<MovFrame> frames(10, {.duration = 100});
  for (int i = 5; i < 10; ++i) frames[i].duration = 1300;
  write_bytes(scratch_ / "vfr.mov", mov_of(read_bytes(photo), static_cast<int>(size.width),
                                           static_cast<int>(size.height), frames));
  const std::vector<double> times = {0, 0.1, 0.2, 0.3, 0.4, 0.5, 1.8, 3.1, 4.4, 5.7};

  const Finished pose = run("pose", {scratch_ / "vfr.mov", "--no-flip-test", "--viz", "--json"});
  ASSERT_EQ(pose.code, 0) << pose.err;
  const Json written = document("vfr.json");
  for (std::size_t i = 0; i < times.size(); ++i) {
    const Json frame = document("vfr/00000" + std::to_string(i) + ".json");
    EXPECT_NEAR(frame["seconds"].get<double>(), times[i], 1e-6) << i;
    EXPECT_NEAR(written["seconds"][i].get<double>(), times[i], 1e-6) << i;
  }
  const Json told = pose.json()["inputs"][0];
  EXPECT_EQ(told["frames_without_time"], 0);
  EXPECT_EQ(told["rate_is_assumed"], false);
  EXPECT_EQ(told["drawn"]["keeps_times"], false);
  EXPECT_GT(told["drawn"]["time_error"].get<double>(), 1);
  EXPECT_THAT(pose.err, HasSubstr("does not keep the times of the source"));

  output_ = scratch_ / "part";
  ASSERT_EQ(
      run("pose", {scratch_ / "vfr.mov", "--no-flip-test", "--start", "1", "--end", "4"}).code, 0);
  EXPECT_EQ(files_in("vfr"), 2);
  EXPECT_TRUE(fs::exists(out("vfr/000006.json")) && fs::exists(out("vfr/000007.json")));
}

TEST_F(Video, AConstantRateKeepsItsTimesWhenDrawn) {
  const Finished seg =
      run("seg", {clip("clip.mp4", 25), "--viz", "--start", "0.2", "--end", "0.2", "--json"});
  EXPECT_EQ(seg.code, 1) << "nothing lies between equal times";
  const Finished all = run("seg", {scratch_ / "clip.mp4", "--viz", "--every", "4", "--json"});
  EXPECT_EQ(all.json()["inputs"][0]["drawn"]["keeps_times"], true) << all.err;
  EXPECT_THAT(all.err, testing::Not(HasSubstr("keep the times")));
}

TEST_F(Video, AFolderWithTheStemOfAVideoKeepsItsOutputs) {
  image("in/clip/000000.png");
  fs::rename(clip("clip.mp4", 2), scratch_ / "in/clip.mp4");
  const Finished seg = run("seg", {scratch_ / "in", "-r", "--json"});
  ASSERT_EQ(seg.code, 0) << seg.err;
  EXPECT_TRUE(fs::exists(out("clip/000000_seg.npy")));
  EXPECT_TRUE(fs::exists(out("clip.mp4/000001_seg.npy")));
  EXPECT_NO_THROW(read_npy_mask(out("clip/000000.npy"), std::vector<Index>{kHeight, kWidth}));
}

TEST_F(Video, FollowsPersonsBetweenRunsOfTheDetector) {
  const Finished pose = run("pose", {crowd(4), "--no-flip-test", "--detector", golden("rtmdet.pth"),
                                     "--detect-every", "2", "--json"});
  ASSERT_EQ(pose.code, 0) << pose.err;
  std::vector<int> ids;
  for (const char* name : {"000000", "000001", "000002", "000003"}) {
    const Json persons = document("crowd/" + std::string(name) + ".json")["instance_info"];
    ASSERT_FALSE(persons.empty());
    std::vector<int> of_frame;
    for (const Json& person : persons) of_frame.push_back(person["track_id"]);
    if (ids.empty()) ids = of_frame;
    EXPECT_EQ(of_frame, ids) << name;  // no person moves
  }
}

TEST_F(Video, RunsSeveralTasksBesideImages) {
  image("in/a.png");
  fs::rename(clip("short.mp4", 3), scratch_ / "in/short.mp4");
  const Finished finished =
      run_sapiens({"run", scratch_ / "in", "--output", output_, "--viz", "--seg", checkpoint("seg"),
                   "--depth", checkpoint("depth"), "--json"});
  ASSERT_EQ(finished.code, 0) << finished.err;
  for (const char* name : {"seg/a_seg.npy", "seg/short/000002_seg.npy", "depth/short/000002.npy",
                           "seg/short.mp4", "depth/short.mp4", "seg/short.json", "depth/a.png"}) {
    EXPECT_TRUE(fs::exists(out(name))) << name;
  }
}

TEST_F(Video, TakesAFolderOfFramesForOne) {
  for (int number = 0; number < 6; ++number) {
    image("shots/f" + std::to_string(number) + ".png", number + 1);
  }
  const Finished seg =
      run("seg", {scratch_ / "shots", "--frames", "12.5", "--every", "2", "--viz", "--json"});
  ASSERT_EQ(seg.code, 0) << seg.err;
  EXPECT_EQ(seg.json()["inputs"][0]["frames"], 3);
  EXPECT_TRUE(fs::exists(out("shots/000004_seg.npy")));
  EXPECT_EQ(count_frames(out("shots.mp4")), 3);
  EXPECT_NEAR(VideoReader::open(out("shots.mp4")).rate(), 6.25, 1e-3);

  // What a frame becomes is what the image becomes.
  const std::string frame = read_bytes(out("shots/000004_seg.npy"));
  output_ = scratch_ / "images";
  ASSERT_EQ(run("seg", {scratch_ / "shots"}).code, 0);
  EXPECT_TRUE(read_bytes(out("f4_seg.npy")) == frame);

  Image(Image{.width = 8, .height = 8, .rgb = std::vector<std::uint8_t>(8 * 8 * 3)})
      .write_png(scratch_ / "shots/g.png");
  output_ = scratch_ / "odd";
  const Finished odd = run("seg", {scratch_ / "shots", "--frames", "25"});
  EXPECT_EQ(odd.code, 1);
  EXPECT_THAT(odd.err, HasSubstr("g.png"));
  fs::create_directories(scratch_ / "empty");
  EXPECT_EQ(run("seg", {scratch_ / "empty", "--frames", "25"}).code, 4);
}

TEST_F(Video, DrawsUnderTheMasksOfEveryFrame) {
  const std::string video = clip("c.mp4", 3);
  ASSERT_EQ(run("seg", {video}).code, 0);
  const std::string masks = output_;
  output_ = scratch_ / "folder";
  ASSERT_EQ(run("depth", {video, "--format", "npy,png", "--mask", masks}).code, 0);
  const std::string from_folder = read_bytes(out("c/000002_depth.png"));
  output_ = scratch_ / "checkpoint";
  ASSERT_EQ(
      run("depth", {video, "--format", "npy,png", "--seg-checkpoint", checkpoint("seg")}).code, 0);
  EXPECT_TRUE(read_bytes(out("c/000002_depth.png")) == from_folder);
}

TEST_F(Video, ContinuesAfterUnreadableInputs) {
  write_bytes(scratch_ / "in/empty.mp4", "");
  write_bytes(scratch_ / "in/text.mp4", "this is no video");
  const std::string whole = read_bytes(clip("whole.mp4", 5));
  write_bytes(scratch_ / "in/cut.mp4", whole.substr(0, whole.size() / 2));
  image("in/a.png");
  const Finished depth = run("depth", {scratch_ / "in", "camera:99", "--json"});
  EXPECT_EQ(depth.code, 1);
  EXPECT_EQ(depth.json()["totals"]["done"], 1);
  EXPECT_EQ(depth.json()["totals"]["failed"], 4);
  EXPECT_TRUE(fs::exists(out("a.npy")));
  EXPECT_FALSE(fs::exists(out("empty.json")));
}

TEST_F(Video, TakesNoBoxesOfImages) {
  write_bytes(scratch_ / "boxes.json", "[]");
  const Finished pose = run("pose", {clip("c.mp4", 2), "--boxes", scratch_ / "boxes.json"});
  EXPECT_EQ(pose.code, 1);
  EXPECT_THAT(pose.err, HasSubstr("--detector"));
}

TEST_F(Video, EndsWhatItWritesOnCtrlC) {
  const std::string seg = checkpoint("seg");
  const std::vector<std::string> command = {"seg",      seg,     clip("long.mp4", 2000),
                                            "--output", output_, "--viz"};
  Running running(command);
  while (!fs::exists(out("long/000003.npy")) && !running.ended()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  running.send(SIGINT);
  const Finished ended = running.wait();
  EXPECT_EQ(ended.code, 130);
  EXPECT_FALSE(fs::exists(out("long.json")));  // it is not finished
  const Index frames = count_frames(out("long.mp4"));
  EXPECT_GE(frames, 3);
  EXPECT_LT(frames, 2000);
  for (const auto& entry : fs::directory_iterator(output_)) {
    EXPECT_THAT(entry.path().filename().string(), testing::Not(HasSubstr("tmp")));
  }
}

}  // namespace
}  // namespace sapiens

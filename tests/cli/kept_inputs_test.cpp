// What a run reads is never replaced by what it writes, and results are made again once something
// that they depend on has changed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sapiens/npy.hpp>
#include <string>
#include <thread>
#include <vector>

#include "cli/task_fixture.hpp"
#include "cli/trees.hpp"

namespace sapiens {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class KeptInputs : public TaskFixture {
 protected:
  void mask(const std::string& name, bool lower_half) {
    std::vector<std::uint8_t> values(static_cast<std::size_t>(kHeight * kWidth), 1);
    if (lower_half) std::fill_n(values.begin(), values.size() / 2, std::uint8_t{0});
    fs::create_directories(fs::path(scratch_ / name).parent_path());
    const Index shape[] = {kHeight, kWidth};
    write_npy_mask(scratch_ / name, shape, values);
  }

  void frames(int count) {
    for (int i = 0; i < count; ++i) {
      image("clip/00000" + std::to_string(i) + ".png", i + 1);
      mask("masks/clip/00000" + std::to_string(i) + ".npy", true);
    }
  }

  /// The run is refused, and all files are as they were.
  void expect_refused(const std::vector<std::string>& words) {
    SCOPED_TRACE(testing::PrintToString(words));
    const Tree before = tree_below(scratch_.path());
    const Finished run = run_sapiens(words);
    EXPECT_EQ(run.code, 2) << run.err;
    EXPECT_THAT(run.err, HasSubstr("would replace an input"));
    expect_equal_trees(tree_below(scratch_.path()), before);
  }

  Index done(std::vector<std::string> words) {
    words.insert(words.end(), {"--resume", "--json"});
    const Finished run = run_sapiens(words);
    EXPECT_EQ(run.code, 0) << run.err;
    return run.json()["totals"]["done"];
  }
};

TEST_F(KeptInputs, MasksBoxesAndCheckpointsAreNotReplaced) {
  const std::string png = image("a.png");
  make_checkpoint(scratch_ / "tiny.pth");
  mask("masks/a.npy", false);
  write_bytes(scratch_ / "boxes/a.json", R"([{"file_name": "a.png", "bbox": [1, 1, 20, 20]}])");
  fs::create_directories(scratch_ / "weights");
  fs::copy_file(checkpoint("seg"), scratch_ / "weights/a_seg.npy");
  checkpoint("depth");
  checkpoint("pose");
  const std::string masks = scratch_ / "masks";
  expect_refused({"depth", checkpoint("depth"), png, "-o", masks, "--viz", "--mask", masks});
  expect_refused({"seg", scratch_ / "weights/a_seg.npy", png, "-o", scratch_ / "weights"});
  expect_refused({"pose", checkpoint("pose"), png, "-o", scratch_ / "boxes", "--boxes",
                  scratch_ / "boxes/a.json"});
  for (const std::vector<std::string>& more : {std::vector<std::string>{}, {"--shared"}}) {
    std::vector<std::string> words = {
        "features", scratch_ / "tiny.pth", png, "-o", masks, "--pool", "mask", "--mask", masks};
    words.insert(words.end(), more.begin(), more.end());
    expect_refused(words);
  }
}

TEST_F(KeptInputs, FramesAndTheirMasksAreNotReplaced) {
  std::string why;
  if (!video_available(&why)) GTEST_SKIP() << why;
  frames(3);
  make_checkpoint(scratch_ / "tiny.pth");
  checkpoint("depth");
  const std::string clip = scratch_ / "clip", masks = scratch_ / "masks";
  // Also drawings of earlier runs are removed, whose names are those of the frames.
  expect_refused(
      {"features", scratch_ / "tiny.pth", clip, "--frames", "4", "-o", scratch_.path().string()});
  expect_refused({"depth", checkpoint("depth"), clip, "--frames", "4", "-o", masks, "--format",
                  "npy,png", "--mask", masks});
}

TEST_F(KeptInputs, VideosAreDoneAgainOnceMasksFramesOrFormsChange) {
  std::string why;
  if (!video_available(&why)) GTEST_SKIP() << why;
  frames(3);
  std::vector<std::string> words = {
      "depth",  checkpoint("depth"), scratch_ / "clip", "--frames", "4", "-o", output_,
      "--mask", scratch_ / "masks",  "--format",        "npy,png"};
  EXPECT_EQ(done(words), 1);
  EXPECT_EQ(done(words), 0);
  const std::string before = read_bytes(out("clip/000001_depth.png"));
  mask("masks/clip/000001.npy", false);
  EXPECT_EQ(done(words), 1);
  EXPECT_NE(read_bytes(out("clip/000001_depth.png")), before);
  fs::remove(out("clip/000002.npy"));
  EXPECT_EQ(done(words), 1);
  EXPECT_TRUE(fs::exists(out("clip/000002.npy")));
  for (const char* changed : {"", "[]", "{}", R"({"frames": "3"})"}) {
    write_bytes(out("clip.json"), changed);
    EXPECT_EQ(done(words), 1) << changed;
  }
  words.emplace_back("--viz");
  EXPECT_EQ(done(words), 1);
  EXPECT_TRUE(fs::exists(out("clip.mp4")));
  EXPECT_EQ(done(words), 0);
}

TEST_F(KeptInputs, FeaturesOfVideosAreDoneAgainOnceADrawingIsWanted) {
  std::string why;
  if (!video_available(&why)) GTEST_SKIP() << why;
  frames(3);
  make_checkpoint(scratch_ / "tiny.pth");
  std::vector<std::string> words = {
      "features", scratch_ / "tiny.pth", scratch_ / "clip", "--frames", "4", "-o", output_};
  EXPECT_EQ(done(words), 1);
  EXPECT_EQ(done(words), 0);
  words.emplace_back("--viz");
  EXPECT_EQ(done(words), 1);
  EXPECT_TRUE(fs::exists(out("clip/000002.png")));
  fs::remove(out("clip/000002.png"));
  EXPECT_EQ(done(words), 1);
}

TEST_F(KeptInputs, DrawingsAreDoneAgainInAnotherWay) {
  const std::string png = image("a.png");
  std::vector<std::string> words = {"pose",  checkpoint("pose"), png, "-o", output_,
                                    "--viz", "--kpt-thr",        "0"};
  EXPECT_EQ(done(words), 1);
  EXPECT_EQ(done(words), 0);
  const std::string before = read_bytes(out("a.png"));
  words.insert(words.end(), {"--radius", "9"});
  EXPECT_EQ(done(words), 1);
  EXPECT_NE(read_bytes(out("a.png")), before);
}

TEST_F(KeptInputs, ShardsAreDoneAgainOnceAMaskChanges) {
  const std::string png = image("in/a.png");
  image("in/b.png", 2);
  make_checkpoint(scratch_ / "tiny.pth");
  mask("masks/a.npy", true);
  mask("masks/b.npy", true);
  const std::vector<std::string> words = {
      "features",        scratch_ / "tiny.pth", scratch_ / "in", "-o",   output_,
      "--format",        "npy-shards",          "--pool",        "mask", "--mask",
      scratch_ / "masks"};
  EXPECT_EQ(done(words), 2);
  EXPECT_EQ(done(words), 0);
  mask("masks/b.npy", false);
  EXPECT_EQ(done(words), 2);
}

TEST_F(KeptInputs, DrawingsOfRunsByShardsAreRefused) {
  make_checkpoint(scratch_ / "tiny.pth");
  const Finished run = run_sapiens(
      {"features", scratch_ / "tiny.pth", image("a.png"), "-o", output_, "--shared", "--viz"});
  EXPECT_EQ(run.code, 2);
  EXPECT_THAT(run.err, HasSubstr("--viz"));
}

TEST_F(KeptInputs, ADocumentThatCannotBeReadIsNamedAndNotTheFileMadeOfIt) {
  const std::string png = image("a.png");
  const std::vector<std::string> words = {"pose", checkpoint("pose"), png, "-o", output_};
  ASSERT_EQ(run_sapiens(words).code, 0);
  write_bytes(out("a.json"), "{");
  std::vector<std::string> with_coco = words;
  with_coco.insert(with_coco.end(), {"--resume", "--coco"});
  const Finished run = run_sapiens(with_coco);
  EXPECT_EQ(run.code, 4);
  EXPECT_THAT(run.err, HasSubstr(out("a.json")));
  EXPECT_THAT(run.err, testing::Not(HasSubstr("coco.json")));
}

TEST_F(KeptInputs, ACheckpointThatIsNoFileIsCalledWhatItIs) {
  const std::string png = image("a.png");
  fs::create_directories(scratch_ / "folder");
  for (const auto& [path, what] :
       {std::pair<std::string, std::string>{scratch_ / "folder", "this is a folder"},
        {"/dev/null", "a device or a pipe"}}) {
    const Finished run = run_sapiens({"features", path, png, "-o", output_});
    EXPECT_EQ(run.code, 4);
    EXPECT_THAT(run.err, HasSubstr(what));
  }
}

/// Whether a process has mapped a file into memory.
bool has_mapped(pid_t process, const std::string& path) {
  std::ifstream maps("/proc/" + std::to_string(process) + "/maps");
  for (std::string line; std::getline(maps, line);) {
    if (line.ends_with(path)) return true;
  }
  return false;
}

// At the moment when it is mapped: the values come from the file that was there, and the record
// must not tell of the one that took its place.
TEST_F(KeptInputs, ACheckpointThatIsReplacedWhileItLoadsIsRefused) {
  const std::string png = image("a.png");
  const std::string path = scratch_ / "model.pth", other = scratch_ / "other.pth";
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"features"}, {"features", "--shared"}, {"reconstruct"}}) {
    SCOPED_TRACE(testing::PrintToString(command));
    int refused = 0;
    for (int round = 0; round < 100 && refused == 0; ++round) {
      ASSERT_EQ(run_sapiens({"synth", path, "--arch", "tiny", "--layout", "mmengine"}).code, 0);
      ASSERT_EQ(
          run_sapiens({"synth", other, "--arch", "tiny", "--layout", "mmengine", "--seed", "2"})
              .code,
          0);
      fs::remove_all(output_);
      std::vector<std::string> words = {command.front(), path, png, "-o", output_};
      words.insert(words.end(), command.begin() + 1, command.end());
      Running run(words);
      while (!has_mapped(run.id(), path) && !run.ended()) {
      }
      run.send(SIGSTOP);
      fs::rename(other, path);
      run.send(SIGCONT);
      const Finished ended = run.wait();
      if (ended.code == 0) continue;  // it had been loaded already
      EXPECT_EQ(ended.code, 4) << ended.err;
      EXPECT_THAT(ended.err, HasSubstr("changed or replaced while it was read"));
      ++refused;
    }
    EXPECT_GT(refused, 0);
  }
}

}  // namespace
}  // namespace sapiens

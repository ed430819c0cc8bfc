#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sapiens/npy.hpp>
#include <set>

#include "cli/task_fixture.hpp"

namespace sapiens {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

/// Several tasks in one call, batches, the detector, and files on request.
class Run : public TaskFixture {
 protected:
  static std::string golden(const std::string& name) {
    return std::string(SAPIENS_TEST_DATA) + "/golden/rtmdet/" + name;
  }

  std::vector<std::string> all_tasks() {
    std::vector<std::string> words;
    for (const std::string task : {"pose", "seg", "depth", "normal"}) {
      words.insert(words.end(), {"--" + task, checkpoint(task)});
    }
    return words;
  }

  Finished run_all(std::vector<std::string> arguments) {
    const std::vector<std::string> tasks = all_tasks();
    arguments.insert(arguments.begin(), {"run", "--output", output_});
    arguments.insert(arguments.end(), tasks.begin(), tasks.end());
    return run_sapiens(arguments);
  }
};

std::set<std::string> files_below(const fs::path& folder) {
  std::set<std::string> names;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) names.insert(entry.path().lexically_relative(folder).string());
  }
  return names;
}

TEST_F(Run, GivesEveryTaskWhatItsCommandGives) {
  image("in/a.png", 1);
  image("in/b.png", 3);
  const Finished finished = run_all({scratch_ / "in", "--viz", "--json"});
  ASSERT_EQ(finished.code, 0) << finished.err;
  const std::string together = output_;
  EXPECT_EQ(finished.json()["inputs"][0]["outputs"].size(), 5u);
  EXPECT_EQ(finished.json()["inputs"][0]["viz"].size(), 4u);

  // Depth and normals are drawn under the masks of the segmentation.
  const std::string seg = checkpoint("seg");
  for (const std::string task : {"pose", "seg", "depth", "normal"}) {
    output_ = scratch_ / ("alone/" + task);
    std::vector<std::string> words = {scratch_ / "in", "--viz"};
    if (task == "depth" || task == "normal") {
      words.insert(words.end(), {"--seg-checkpoint", seg});
    }
    const Finished alone = run(task, words);
    ASSERT_EQ(alone.code, 0) << alone.err;
    for (const std::string& name : files_below(output_)) {
      if (name.starts_with("sapiens-")) continue;
      if (name.ends_with(".json")) {
        const Json expected = document(name);
        const Json actual = Json::parse(read_bytes(together + "/" + task + "/" + name));
        EXPECT_EQ(actual["instance_info"], expected["instance_info"]) << name;
      } else {
        EXPECT_TRUE(read_bytes(together + "/" + task + "/" + name) == read_bytes(out(name)))
            << task << ' ' << name;
      }
    }
  }
}

TEST_F(Run, DrawsUnderTheSameMasksFromAFolderAndFromACheckpoint) {
  image("a.png");
  const std::string seg = checkpoint("seg");
  output_ = scratch_ / "seg";
  ASSERT_EQ(run("seg", {scratch_ / "a.png"}).code, 0);
  output_ = scratch_ / "folder";
  ASSERT_EQ(run("normal", {scratch_ / "a.png", "--viz", "--mask", scratch_ / "seg"}).code, 0);
  output_ = scratch_ / "checkpoint";
  ASSERT_EQ(run("normal", {scratch_ / "a.png", "--viz", "--seg-checkpoint", seg}).code, 0);
  EXPECT_EQ(files_below(output_),
            (std::set<std::string>{"a.npy", "a.png", "sapiens-normal.json"}));  // nothing of seg
  EXPECT_TRUE(read_bytes(out("a.png")) == read_bytes(scratch_ / "folder/a.png"));
  output_ = scratch_ / "none";
  ASSERT_EQ(run("normal", {scratch_ / "a.png", "--viz", "--mask", "none"}).code, 0);
  EXPECT_TRUE(read_bytes(out("a.png")) != read_bytes(scratch_ / "folder/a.png"));
}

TEST_F(Run, RefusesMasksThatNoTaskMakes) {
  const Finished refused = run("depth", {image("a.png"), "--viz", "--mask", "auto"});
  EXPECT_EQ(refused.code, 2);
  EXPECT_THAT(refused.err, HasSubstr("--seg-checkpoint"));
}

TEST_F(Run, GivesTheSameInBatchesOfImagesOfAnySize) {
  image("in/a.png", 1);
  Image wide{.width = 61, .height = 17, .rgb = std::vector<std::uint8_t>(61 * 17 * 3, 90)};
  wide.write_png(scratch_ / "in/b.png");
  write_bytes(scratch_ / "in/bad.png", "rubbish");
  image("in/c.png", 2);
  std::set<std::string> names;
  for (const std::string batch : {"1", "3"}) {
    output_ = scratch_ / ("batch" + batch);
    const Finished finished = run_all({scratch_ / "in", "--batch", batch, "--viz"});
    EXPECT_EQ(finished.code, 1) << finished.err;  // for bad.png
    names = files_below(output_);
  }
  EXPECT_EQ(names.size(), 3 * (5 + 4) + 1u);
  for (const std::string& name : names) {
    if (name == "sapiens-run.json") continue;
    EXPECT_TRUE(read_bytes(scratch_ / ("batch1/" + name)) ==
                read_bytes(scratch_ / ("batch3/" + name)))
        << name;
  }
}

TEST_F(Run, ResumesWhatIsNotFinished) {
  image("in/a.png");
  ASSERT_EQ(run_all({scratch_ / "in"}).code, 0);
  image("in/b.png");
  fs::remove(out("depth/a.npy"));
  const Finished more = run_all({scratch_ / "in", "--resume", "--json"});
  ASSERT_EQ(more.code, 0) << more.err;
  EXPECT_EQ(more.json()["totals"]["done"], 2);
  const Finished nothing = run_all({scratch_ / "in", "--resume", "--json"});
  EXPECT_EQ(nothing.json()["totals"]["finished_before"], 2);
}

TEST_F(Run, WritesACocoFileWhereNoImageCouldBeRead) {
  write_bytes(scratch_ / "bad.png", "no image");
  const Finished run = run_sapiens(
      {"run", scratch_ / "bad.png", "--output", output_, "--pose", checkpoint("pose"), "--coco"});
  EXPECT_EQ(run.code, 1) << run.err;
  EXPECT_THAT(run.err, HasSubstr("0 of 1 images"));
  EXPECT_TRUE(document("pose/sapiens-keypoints.coco.json")["images"].empty());
}

TEST_F(Run, NeedsSomethingToDo) {
  EXPECT_EQ(run_sapiens({"run", image("a.png"), "--output", output_}).code, 2);
  const Finished unseen = run_sapiens({"run", image("a.png"), "--output", output_, "--normal",
                                       checkpoint("normal"), "--format", "png"});
  EXPECT_EQ(unseen.code, 2);
  EXPECT_THAT(unseen.err, HasSubstr("--format"));
}

TEST_F(Run, RefusesACheckpointUnderTheWrongName) {
  const Finished refused = run_sapiens(
      {"run", image("a.png"), "--output", output_, "--depth", checkpoint("seg"), "--json"});
  EXPECT_EQ(refused.code, 3);
  EXPECT_THAT(refused.err, HasSubstr("a checkpoint for seg, not for depth"));
}

TEST_F(Run, NeverReplacesResultsOfACommand) {
  image("a.png");
  output_ = scratch_ / "out/seg";
  ASSERT_EQ(run("seg", {scratch_ / "a.png"}).code, 0);
  output_ = scratch_ / "out";
  EXPECT_EQ(run_all({scratch_ / "a.png"}).code, 2);
}

TEST_F(Run, WritesTheFormatsAskedFor) {
  image("a.png");
  ASSERT_EQ(run("seg", {scratch_ / "a.png", "--format", "png"}).code, 0);
  EXPECT_EQ(files_below(output_), (std::set<std::string>{"a_seg.png", "sapiens-seg.json"}));
  output_ = scratch_ / "depth";
  const Finished depth = run("depth", {scratch_ / "a.png", "--format", "npy,png,exr", "--json"});
  ASSERT_EQ(depth.code, 0) << depth.err;
  EXPECT_EQ(files_below(output_),
            (std::set<std::string>{"a.exr", "a.npy", "a_depth.png", "sapiens-depth.json"}));
  EXPECT_EQ(depth.json()["inputs"][0]["outputs"].size(), 3u);
  EXPECT_EQ(run("normal", {scratch_ / "a.png", "--format", "png"}).code, 2);
}

TEST_F(Run, ConvertsKeypoints) {
  const Finished pose =
      run("pose", {image("a.png"), "--keypoints", "openpose25", "--no-flip-test", "--viz"});
  ASSERT_EQ(pose.code, 0) << pose.err;
  const Json json = document("a.json");
  EXPECT_EQ(json["meta_info"]["num_keypoints"], 25);
  EXPECT_EQ(json["instance_info"][0]["keypoints"].size(), 25u);
  EXPECT_EQ(json["meta_info"]["sapiens"]["keypoints"], "openpose25");
  EXPECT_EQ(run("pose", {image("a.png"), "--keypoints", "openpose7"}).code, 2);
}

TEST_F(Run, CollectsAllPersonsInOneCocoFile) {
  image("in/000000000139.png");
  const std::vector<std::string> words = {scratch_ / "in", "--no-flip-test", "--box", "1,2,20,25",
                                          "--box",         "5,5,30,20",      "--coco"};
  ASSERT_EQ(run("pose", words).code, 0);
  image("in/000000000007.png");
  std::vector<std::string> resume = words;
  resume.push_back("--resume");
  ASSERT_EQ(run("pose", resume).code, 0);

  const Json coco = document("sapiens-keypoints.coco.json");
  ASSERT_EQ(coco["images"].size(), 2u);
  EXPECT_EQ(coco["images"][0]["id"], 7);
  EXPECT_EQ(coco["images"][1], Json({{"id", 139},
                                     {"file_name", "000000000139.png"},
                                     {"width", kWidth},
                                     {"height", kHeight}}));
  ASSERT_EQ(coco["annotations"].size(), 4u);
  const Json person = document("000000000139.json")["instance_info"][1];
  const Json& annotation = coco["annotations"][3];
  EXPECT_EQ(annotation["image_id"], 139);
  EXPECT_EQ(annotation["bbox"], Json({5.0, 5.0, 30.0, 20.0}));
  const std::size_t points = person["keypoints"].size();
  ASSERT_EQ(annotation["keypoints"].size(), 3 * points);
  for (std::size_t k = 0; k < points; ++k) {
    EXPECT_EQ(annotation["keypoints"][3 * k], person["keypoints"][k][0]);
    EXPECT_EQ(annotation["keypoints"][3 * k + 1], person["keypoints"][k][1]);
  }
  EXPECT_EQ(coco["categories"][0]["keypoints"].size(), points);
  // What it writes is what --boxes reads.
  output_ = scratch_ / "again";
  const Finished again = run("pose", {scratch_ / "in/000000000139.png", "--no-flip-test", "--boxes",
                                      scratch_ / "out/sapiens-keypoints.coco.json"});
  ASSERT_EQ(again.code, 0) << again.err;
  EXPECT_EQ(document("000000000139.json")["instance_info"][1]["keypoints"], person["keypoints"]);
}

TEST_F(Run, FindsPersonsWithADetector) {
  const Finished pose = run("pose", {golden("image.jpg"), "--no-flip-test", "--detector",
                                     golden("rtmdet.pth"), "--batch", "8", "--json"});
  ASSERT_EQ(pose.code, 0) << pose.err;
  const Json persons = document("image.json")["instance_info"];
  const FloatArray boxes = read_npy(golden("boxes_after_nms.npy"));
  ASSERT_EQ(persons.size(), static_cast<std::size_t>(boxes.shape[0]));
  for (std::size_t i = 0; i < 4 * persons.size(); ++i) {
    EXPECT_NEAR(persons[i / 4]["bbox"][i % 4].get<float>(), boxes.values[i], 4e-3f) << i;
  }
  EXPECT_GT(pose.json()["inputs"][0]["stages"]["detect"], 0);
  EXPECT_EQ(pose.json()["boxes"]["bbox_thr"], 0.3);

  output_ = scratch_ / "strict";
  const Finished strict = run("pose", {golden("image.jpg"), "--no-flip-test", "--detector",
                                       golden("rtmdet.pth"), "--bbox-thr", "0.99"});
  ASSERT_EQ(strict.code, 0);
  EXPECT_TRUE(document("image.json")["instance_info"].empty());
  EXPECT_THAT(strict.err, HasSubstr("found no person"));
}

TEST_F(Run, RefusesFilesThatAreNoDetectors) {
  image("a.png");
  EXPECT_EQ(run("pose", {scratch_ / "a.png", "--detector", checkpoint("seg")}).code, 3);
  const Finished swapped = run_sapiens(
      {"pose", golden("rtmdet.pth"), scratch_ / "a.png", "--output", output_, "--json"});
  EXPECT_EQ(swapped.code, 3);
  EXPECT_THAT(swapped.err, HasSubstr("detector"));
  // no detector is given
  EXPECT_EQ(run("pose", {scratch_ / "a.png", "--bbox-thr", "0.5"}).code, 2);
}

TEST_F(Run, ReproducesTheLiteScriptsWhereTheyAreSane) {
  const std::string input = image("a.png");
  ASSERT_EQ(run("pose", {input, "--preprocess", "lite"}).code, 0);
  EXPECT_EQ(document("a.json")["meta_info"]["sapiens"]["flip_test"], false);
  EXPECT_EQ(document("a.json")["meta_info"]["sapiens"]["preprocess"], "lite");
  output_ = scratch_ / "full";
  ASSERT_EQ(run("normal", {input}).code, 0);
  const FloatArray full = read_npy(out("a.npy"));
  output_ = scratch_ / "lite";
  ASSERT_EQ(run("normal", {input, "--preprocess", "lite"}).code, 0);
  EXPECT_NE(read_npy(out("a.npy")).values, full.values);
}

}  // namespace
}  // namespace sapiens

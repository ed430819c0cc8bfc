#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <sapiens/npy.hpp>

#include "cli/task_fixture.hpp"

namespace sapiens {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

using Tasks = TaskFixture;

TEST_F(Tasks, SegWritesAMaskAndTheClassIdsBehindIt) {
  const Finished seg = run("seg", {image("a.png"), "--viz", "--json"});
  ASSERT_EQ(seg.code, 0) << seg.err;
  const std::string ids = read_bytes(out("a_seg.npy"));
  EXPECT_THAT(ids, HasSubstr("'<i8'"));
  EXPECT_THAT(ids, HasSubstr("(30, 40)"));
  const auto mask = read_npy_mask(out("a.npy"), std::vector<Index>{kHeight, kWidth});
  ASSERT_EQ(ids.size(), 128 + 8 * mask.size());
  for (std::size_t i = 0; i < mask.size(); ++i) EXPECT_EQ(ids[128 + 8 * i] != 0, mask[i] != 0);
  EXPECT_EQ(Image::read(out("a.png")).width, 2 * kWidth);

  const Json json = seg.json();
  EXPECT_EQ(json["task"], "seg");
  EXPECT_EQ(json["conventions"]["classes"][0], "Background");
  EXPECT_EQ(json["inputs"][0]["outputs"][1]["holds"], "class ids");
  for (const char* stage : {"decode", "preprocess", "encoder", "head", "post", "write"}) {
    EXPECT_GT(json["inputs"][0]["stages"][stage], 0) << stage;
  }
}

TEST_F(Tasks, DepthAndNormalsAreOfTheImagesSize) {
  ASSERT_EQ(run("depth", {image("a.png"), "--viz"}).code, 0);
  EXPECT_EQ(read_npy(out("a.npy")).shape, (std::vector<Index>{kHeight, kWidth}));
  EXPECT_EQ(Image::read(out("a.png")).width, 3 * kWidth);  // the third are normals from depth

  output_ = scratch_ / "normals";
  ASSERT_EQ(run("normal", {image("a.png"), "--viz"}).code, 0);
  const FloatArray normals = read_npy(out("a.npy"));
  EXPECT_EQ(normals.shape, (std::vector<Index>{kHeight, kWidth, 3}));
  const float* n = normals.values.data();
  // n / (|n| + 1e-5) is shorter than 1 by 1e-5 / |n|, and |n| is near 1 in size.
  EXPECT_NEAR(std::hypot(n[0], n[1], n[2]), 1, 1e-2);
}

TEST_F(Tasks, PoseWritesOnePersonPerBoxAndWhatThePointsAre) {
  const Finished pose =
      run("pose", {image("a.png"), "--box", "0,0,20,30", "--box", "20,0,20,30.5", "--json"});
  ASSERT_EQ(pose.code, 0) << pose.err;
  const Json json = document("a.json");
  ASSERT_EQ(json["instance_info"].size(), 2u);
  EXPECT_EQ(json["instance_info"][1]["bbox"], Json({20.0, 0.0, 40.0, 30.5}));
  EXPECT_EQ(json["instance_info"][0]["keypoints"].size(), json["meta_info"]["num_keypoints"]);
  EXPECT_EQ(json["meta_info"]["keypoint_id2name"]["0"], "nose");
  EXPECT_EQ(json["meta_info"]["sapiens"]["flip_test"], true);
  for (const char* key : {"checkpoint", "verdict", "patch_padding", "precision", "conventions"}) {
    EXPECT_TRUE(json["meta_info"]["sapiens"].contains(key)) << key;
  }
}

TEST_F(Tasks, PoseWithoutBoxesTakesTheWholeImageForAPerson) {
  ASSERT_EQ(run("pose", {image("a.png"), "--no-flip-test", "--viz"}).code, 0);
  const Json json = document("a.json");
  EXPECT_EQ(json["instance_info"][0]["bbox"], Json({0.0, 0.0, kWidth, kHeight}));
  EXPECT_EQ(json["meta_info"]["sapiens"]["flip_test"], false);
  EXPECT_EQ(Image::read(out("a.png")).width, kWidth);
}

TEST_F(Tasks, PoseTakesTheWholeImageAsItIsTurnedByItsCamera) {
  const std::string folder = std::string(SAPIENS_TEST_DATA) + "/golden/preprocess_full/";
  const Image turned = Image::read(folder + "decoded_exif6_jpg.png");
  ASSERT_NE(turned.width, turned.height);
  ASSERT_EQ(run("pose", {folder + "exif6.jpg", "--no-flip-test"}).code, 0);
  EXPECT_EQ(document("exif6.json")["instance_info"][0]["bbox"],
            Json({0.0, 0.0, turned.width, turned.height}));
}

TEST_F(Tasks, PoseTakesTheBoxesOfEachImageFromAFile) {
  write_bytes(scratch_ / "boxes.json",
              R"([{"file_name": "a.png", "bbox": [1, 2, 30, 20], "score": 0.5}])");
  const Finished pose = run("pose", {image("a.png"), image("b.png"), "--no-flip-test", "--boxes",
                                     scratch_ / "boxes.json"});
  ASSERT_EQ(pose.code, 0) << pose.err;
  EXPECT_EQ(document("a.json")["instance_info"][0]["bbox_score"], 0.5);
  EXPECT_TRUE(document("b.json")["instance_info"].empty());
  EXPECT_THAT(pose.err, HasSubstr("no person"));
}

TEST_F(Tasks, PoseRefusesInvalidBoxes) {
  image("a.png");
  EXPECT_EQ(run("pose", {scratch_ / "a.png", "--box", "1,2,3"}).code, 2);
  EXPECT_EQ(run("pose", {scratch_ / "a.png", "--box", "1,2,3,0"}).code, 2);
  write_bytes(scratch_ / "boxes.json", "{}");
  EXPECT_EQ(run("pose", {scratch_ / "a.png", "--boxes", scratch_ / "boxes.json"}).code, 4);
  EXPECT_EQ(run("pose", {scratch_ / "a.png", "--boxes", scratch_ / "none.json"}).code, 4);
}

TEST_F(Tasks, RefuseTheCheckpointOfAnotherTask) {
  image("a.png");
  for (const auto& [command, task] : {std::pair{"pose", "seg"}, std::pair{"seg", "pose"},
                                      std::pair{"seg", "pretrain"}, std::pair{"depth", "normal"}}) {
    const Finished refused =
        run_sapiens({command, checkpoint(task), scratch_ / "a.png", "--output", output_, "--json"});
    EXPECT_EQ(refused.code, 3) << command << ' ' << task << refused.err;
    EXPECT_EQ(refused.json()["error"]["code"], "checkpoint-refused");
    EXPECT_THAT(refused.err, HasSubstr(task));
  }
  EXPECT_FALSE(fs::exists(out("a.npy")));
}

TEST_F(Tasks, NeverRunAPretrainedEncoderWithAMadeUpHead) {
  image("a.png");
  for (const char* task : {"pose", "seg", "depth", "normal"}) {
    const Finished refused = run_sapiens({task, checkpoint("pretrain"), scratch_ / "a.png",
                                          "--task", task, "--output", output_, "--json"});
    EXPECT_EQ(refused.code, 3) << task << refused.err;
    EXPECT_EQ(refused.json()["error"]["code"], "checkpoint-refused");
    EXPECT_FALSE(fs::exists(out("a.npy")) || fs::exists(out("a.json"))) << task;
  }
}

// The tiny networks of these files have widths for which nobody published a number of heads; a
// converted file records it, and then runs without any flag.
class FineTunes : public Tasks {
 protected:
  std::string converted(const std::string& file, const std::string& heads) {
    const std::string path = scratch_ / "mine.pth";
    const Finished convert = run_sapiens(
        {"convert", std::string(SAPIENS_TEST_DATA) + "/golden/" + file, path, "--heads", heads});
    EXPECT_EQ(convert.code, 0) << convert.err;
    return path;
  }
};

TEST_F(FineTunes, FiveClassesRunWithoutFlagsUnderTheirOwnNames) {
  const std::string mine = converted("seg_5_user/seg.pth", "6");
  const Finished seg =
      run_sapiens({"seg", mine, image("a.png"), "--output", output_, "--viz", "--json"});
  ASSERT_EQ(seg.code, 0) << seg.err;
  EXPECT_EQ(seg.json()["conventions"]["classes"],
            Json({"class_0", "class_1", "class_2", "class_3", "class_4"}));
}

TEST_F(FineTunes, TwentyOnePointsRunWithoutFlagsUnderTheirOwnNames) {
  const std::string mine = converted("pose_21_user/pose.pth", "4");
  const Finished pose = run_sapiens({"pose", mine, image("a.png"), "--output", output_, "--viz"});
  ASSERT_EQ(pose.code, 0) << pose.err;
  const Json meta = document("a.json")["meta_info"];
  EXPECT_EQ(meta["dataset_name"], "mine");
  EXPECT_EQ(meta["num_keypoints"], 21);
  EXPECT_EQ(meta["keypoint_id2name"]["20"], "point_20");
  EXPECT_EQ(meta["keypoint_name2id"]["point_3"], 3);
  EXPECT_EQ(meta["keypoint_colors"][1], Json({3, 4, 5}));
  EXPECT_EQ(meta["flip_indices"][1], 2);
  EXPECT_EQ(meta["sapiens"]["flip_test"], true);
  EXPECT_EQ(document("a.json")["instance_info"][0]["keypoints"].size(), 21u);
}

TEST_F(Tasks, TakeAHeadOfTheSameShapeForWhatTheUserSaysItIs) {
  const std::string three_outputs = checkpoint("normal");
  std::vector<std::string> command = {"seg", three_outputs, image("a.png"), "--output", output_};
  const Finished refused = run_sapiens(command);
  EXPECT_EQ(refused.code, 3);
  EXPECT_THAT(refused.err, HasSubstr("--task seg"));
  command.insert(command.end(), {"--task", "seg", "--json"});
  const Finished seg = run_sapiens(command);
  EXPECT_EQ(seg.code, 0) << seg.err;
  EXPECT_EQ(seg.json()["conventions"]["classes"], Json({"0", "1", "2"}));
}

TEST_F(Tasks, ContinueAfterUnreadableInputs) {
  image("in/a.png");
  write_bytes(scratch_ / "in/bad.jpg", "not a JPEG");
  write_bytes(scratch_ / "in/array.npy", "not asked for");
  image("in/z.png");
  const Finished depth = run("depth", {scratch_ / "in", "--json"});
  EXPECT_EQ(depth.code, 1);
  EXPECT_EQ(depth.json()["totals"]["done"], 2);
  EXPECT_EQ(depth.json()["totals"]["failed"], 1);
  EXPECT_TRUE(fs::exists(out("z.npy")));
  EXPECT_THAT(depth.err, HasSubstr("bad.jpg"));
}

TEST_F(Tasks, DrawDepthUnderTheMasksOfAFolder) {
  image("a.png");
  image("b.png");
  const std::vector<Index> shape = {kHeight, kWidth};
  fs::create_directories(scratch_ / "masks");
  write_npy_mask(scratch_ / "masks/a.npy", shape, std::vector<std::uint8_t>(kHeight * kWidth));
  const Finished depth =
      run("depth", {scratch_ / "a.png", scratch_ / "b.png", "--viz", "--mask", scratch_ / "masks"});
  EXPECT_EQ(depth.code, 1);  // b has no mask
  EXPECT_THAT(depth.err, HasSubstr("nothing is under its mask"));
  const Image drawing = Image::read(out("a.png"));
  EXPECT_EQ(drawing.rgb[kWidth * 3], 100);  // a grey panel
  EXPECT_FALSE(fs::exists(out("b.png")));
}

TEST_F(Tasks, ResumeKeepsWhatIsFinishedUnlessSettingsDiffer) {
  image("in/a.png");
  ASSERT_EQ(run("pose", {scratch_ / "in", "--no-flip-test"}).code, 0);
  image("in/b.png");
  const Finished more = run("pose", {scratch_ / "in", "--no-flip-test", "--resume", "--json"});
  ASSERT_EQ(more.code, 0) << more.err;
  EXPECT_EQ(more.json()["totals"]["finished_before"], 1);
  EXPECT_EQ(more.json()["totals"]["done"], 1);
  const Finished other = run("pose", {scratch_ / "in", "--box", "0,0,9,9", "--resume", "--json"});
  EXPECT_EQ(other.code, 2);
}

TEST_F(Tasks, RefuseInputsWhoseFilesWouldBeTheSame) {
  image("in/a.png");
  image("in/a_seg.png");
  const std::string one = scratch_ / "in/a.png", other = scratch_ / "in/a_seg.png";
  EXPECT_EQ(run("seg", {one, other}).code, 2);  // both want a_seg.npy
  EXPECT_EQ(run("depth", {one, other}).code, 0);
}

TEST_F(Tasks, NeverReplaceResultsOfAnotherCommand) {
  image("a.png");
  ASSERT_EQ(run("seg", {scratch_ / "a.png"}).code, 0);
  const std::string mask = read_bytes(out("a.npy"));
  const Finished depth = run("depth", {scratch_ / "a.png", "--json"});
  EXPECT_EQ(depth.code, 2);
  EXPECT_EQ(depth.json()["error"]["key"], "--output");
  EXPECT_EQ(read_bytes(out("a.npy")), mask);
  EXPECT_EQ(run("pose", {scratch_ / "a.png"}).code, 0);  // writes a.json
}

TEST_F(Tasks, NeverReplaceDrawingsOfAnotherCommand) {
  image("a.png");
  ASSERT_EQ(run("seg", {scratch_ / "a.png", "--viz"}).code, 0);
  EXPECT_EQ(run("pose", {scratch_ / "a.png", "--viz"}).code, 2);  // a.png
  EXPECT_EQ(run("pose", {scratch_ / "a.png"}).code, 0);           // a.json alone
}

TEST_F(Tasks, NeverReplaceTheRecordOfTheRun) {
  EXPECT_EQ(run("pose", {image("sapiens-pose.png")}).code, 2);
  EXPECT_EQ(run("seg", {image("sapiens-pose.png")}).code, 0);
}

TEST_F(Tasks, ResumeIsRefusedWithOtherBoxesUnderTheSameName) {
  write_bytes(scratch_ / "boxes.json", R"([{"file_name": "a.png", "bbox": [1, 2, 30, 20]}])");
  const std::vector<std::string> arguments = {image("a.png"), "--boxes", scratch_ / "boxes.json",
                                              "--resume", "--json"};
  ASSERT_EQ(run("pose", arguments).code, 0);
  write_bytes(scratch_ / "boxes.json", R"([{"file_name": "a.png", "bbox": [1, 2, 30, 200]}])");
  const Finished other = run("pose", arguments);
  EXPECT_EQ(other.code, 2);
  EXPECT_EQ(other.json()["error"]["key"], "boxes");
}

TEST_F(Tasks, NeverReplaceAnInput) {
  const std::string path = image("out/a.png");
  const std::string before = read_bytes(path);
  EXPECT_EQ(run("seg", {path, "--viz"}).code, 2);
  EXPECT_EQ(read_bytes(path), before);
}

TEST_F(Tasks, ShowExamplesInTheirHelp) {
  for (const char* task : {"pose", "seg", "depth", "normal", "run"}) {
    const Finished help = run_sapiens({task, "--help"});
    EXPECT_EQ(help.code, 0);
    EXPECT_THAT(help.out, HasSubstr("Example"));
  }
}

}  // namespace
}  // namespace sapiens

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <sapiens/npy.hpp>
#include <sapiens/result_files.hpp>

#include "cli/task_fixture.hpp"

namespace sapiens {
namespace {

using testing::AllOf;
using testing::HasSubstr;

const std::string kCoco = std::string(SAPIENS_TEST_DATA) + "/coco_eval/";
const std::vector<std::string> kNames = {"000001", "000002", "000003"};

class Eval : public TaskFixture {
 protected:
  Eval() {
    for (int i = 0; i < 3; ++i)
      image("data/" + kNames[static_cast<std::size_t>(i)] + ".png", i + 1);
  }

  std::string data(const std::string& name = "") const { return scratch_ / ("data/" + name); }

  /// What the checkpoint of a task finds in the images, as the program writes it.
  void run_on_data(const std::string& task, std::vector<std::string> more = {}) {
    more.push_back(data());
    const Finished finished = run(task, more);
    ASSERT_EQ(finished.code, 0) << finished.err;
  }

  Finished eval(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "eval");
    arguments.push_back("--json");
    return run_sapiens(arguments);
  }

  std::vector<std::uint8_t> ids_of(const std::string& name) const {
    const std::string file = read_bytes(out(name + "_seg.npy"));
    std::vector<std::uint8_t> ids;
    for (std::size_t at = 128; at < file.size(); at += 8) {
      ids.push_back(static_cast<std::uint8_t>(file[at]));
    }
    return ids;
  }

  void write_labels(const std::string& name, std::vector<std::uint8_t> ids) const {
    write_class_png(data(name + "_seg.png"),
                    {.width = kWidth, .height = kHeight, .classes = 28, .ids = std::move(ids)});
  }

  /// The found persons of `sapiens pose --coco` as annotations with other ids.
  void write_annotations(const Json& found) const {
    Json truth = {{"images", Json::array()}, {"annotations", found["annotations"]}};
    for (const Json& image : found["images"]) {
      truth["images"].push_back(
          {{"id", image["id"].get<int>() + 100}, {"file_name", image["file_name"]}});
    }
    for (Json& person : truth["annotations"]) {
      person["image_id"] = person["image_id"].get<int>() + 100;
    }
    write_bytes(data("annotations.json"), truth.dump());
  }

  /// Makes what the model finds in two boxes of each image the truth.
  void make_pose_data() {
    Json boxes = Json::array();
    for (const std::string& name : kNames) {
      boxes.push_back({{"file_name", name + ".png"}, {"bbox", {1, 2, 15, 20}}});
      boxes.push_back({{"file_name", name + ".png"}, {"bbox", {18, 1, 20, 26}}});
    }
    write_bytes(scratch_ / "boxes.json", boxes.dump());
    run_on_data("pose", {"--boxes", scratch_ / "boxes.json", "--coco"});
    write_annotations(document("sapiens-keypoints.coco.json"));
  }
};

TEST_F(Eval, DetectionsGetTheScoresOfPycocotools) {
  const Finished run = eval({"--annotations", kCoco + "mixed_3.annotations.json", "--detections",
                             kCoco + "mixed_3.results.json"});
  ASSERT_EQ(run.code, 0) << run.err;
  const Json expected = Json::parse(read_bytes(kCoco + "expected.json"))["mixed_3"];
  const Json json = run.json();
  std::size_t number = 0;
  for (const char* name :
       {"AP", "AP50", "AP75", "APM", "APL", "AR", "AR50", "AR75", "ARM", "ARL"}) {
    EXPECT_NEAR(json["metrics"][name], expected[number++], 1e-6) << name;
  }
  EXPECT_EQ(json["task"], "pose");
  EXPECT_EQ(json["images"]["compared"], 10);
}

TEST_F(Eval, TheGroundTruthItselfScoresOne) {
  make_pose_data();
  const Finished run = eval({"--data", data(), "--detections", out("sapiens-keypoints.coco.json")});
  ASSERT_EQ(run.code, 0) << run.err;
  const Json json = run.json();
  for (const char* name : {"AP", "AP50", "AR", "PCK@0.1"}) EXPECT_EQ(json["metrics"][name], 1);
  EXPECT_EQ(json["metrics"]["APL"], nullptr);  // no person is that large
  EXPECT_EQ(json["counted"]["persons"], 6);
}

TEST_F(Eval, PoseModelsRunInTheGroundTruthBoxes) {
  make_pose_data();
  const Finished run = eval({checkpoint("pose"), "--data", data()});
  ASSERT_EQ(run.code, 0) << run.err;
  const Json json = run.json();
  EXPECT_EQ(json["metrics"]["PCK@0.1"], 1);
  EXPECT_EQ(json["metrics"]["AP"], 1);
  EXPECT_THAT(json["boxes"].get<std::string>(), HasSubstr("true boxes"));
  EXPECT_EQ(json["settings"]["flip_test"], true);
  EXPECT_EQ(json["images"]["compared"], 3);

  const Finished less = eval({checkpoint("pose"), "--data", data(), "--limit", "2",
                              "--no-flip-test", "--boxes", scratch_ / "boxes.json"});
  ASSERT_EQ(less.code, 0) << less.err;
  EXPECT_EQ(less.json()["images"]["compared"], 2);
  EXPECT_EQ(less.json()["settings"]["flip_test"], false);
  EXPECT_THAT(less.json()["boxes"].get<std::string>(), HasSubstr("boxes.json"));
}

TEST_F(Eval, ConvertsTheModelsPointsToThoseThatAreAnnotated) {
  write_bytes(data("annotations.json"), Json{{"images", {{{"id", 1}, {"file_name", "000001.png"}}}},
                                             {"annotations",
                                              {{{"image_id", 1},
                                                {"bbox", {0, 0, 40, 30}},
                                                {"area", 1200},
                                                {"keypoints", std::vector<int>(3 * 17, 2)}}}}}
                                            .dump());
  const Finished run = eval({checkpoint("pose"), "--data", data()});
  ASSERT_EQ(run.code, 0) << run.err;
  ASSERT_EQ(run.json()["keypoints"].size(), 17u);
  EXPECT_EQ(run.json()["keypoints"][0]["name"], "nose");
}

TEST_F(Eval, CountsPixelsAsAnybodyElseWould) {
  run_on_data("seg");
  std::map<int, Index> both, either;
  Index right = 0, pixels = 0;
  for (const std::string& name : kNames) {
    const std::vector<std::uint8_t> found = ids_of(name);
    std::vector<std::uint8_t> truth = found;
    for (std::size_t i = 0; i < truth.size(); i += 3) {
      truth[i] = static_cast<std::uint8_t>(i % 7 == 0 ? 255 : (found[i] + i) % 28);
    }
    write_labels(name, truth);
    for (std::size_t i = 0; i < truth.size(); ++i) {
      if (truth[i] == 255) continue;
      ++pixels;
      right += truth[i] == found[i];
      both[truth[i]] += truth[i] == found[i];
      ++either[truth[i]];
      if (truth[i] != found[i]) ++either[found[i]];
    }
  }
  std::map<int, bool> labelled;
  for (const std::string& name : kNames) {
    for (const std::uint8_t id : read_class_png(data(name + "_seg.png")).ids) labelled[id] = true;
  }
  labelled.erase(255);
  double sum = 0;
  for (const auto& [id, there] : labelled) {
    sum += static_cast<double>(both[id]) / static_cast<double>(either[id]);
  }

  const Finished run = eval({checkpoint("seg"), "--data", data()});
  ASSERT_EQ(run.code, 0) << run.err;
  const Json json = run.json();
  EXPECT_EQ(json["counted"]["pixels"], pixels);
  EXPECT_NEAR(json["metrics"]["pixel_accuracy"],
              static_cast<double>(right) / static_cast<double>(pixels), 1e-12);
  EXPECT_NEAR(json["metrics"]["mIoU"], sum / static_cast<double>(labelled.size()), 1e-12);
  ASSERT_EQ(json["classes"].size(), 28u);
  EXPECT_EQ(json["classes"][0]["name"], "Background");
}

TEST_F(Eval, DepthErrorsRemainAfterScaleAndShift) {
  run_on_data("depth");
  for (const std::string& name : kNames) {
    FloatArray depth = read_npy(out(name + ".npy"));
    const float nearest = *std::min_element(depth.values.begin(), depth.values.end());
    for (float& z : depth.values) z = 2 + 3 * (z - nearest);
    write_npy(data(name + "_depth.npy"), depth.shape, depth.values);
  }
  const Finished run = eval({checkpoint("depth"), "--data", data()});
  ASSERT_EQ(run.code, 0) << run.err;
  const Json json = run.json();
  EXPECT_EQ(json["metrics"]["delta1"], 1);
  EXPECT_NEAR(json["metrics"]["RMSE"], 0, 1e-5);  // floats near 2
  EXPECT_EQ(json["counted"]["pixels"], 3 * kWidth * kHeight);
}

TEST_F(Eval, NormalsAreEvaluatedOnPixelsOfPersons) {
  run_on_data("normal");
  for (const std::string& name : kNames) {
    FloatArray normals = read_npy(out(name + ".npy"));
    // The upper half is turned around.
    for (std::size_t i = 0; i < normals.values.size() / 2; ++i) normals.values[i] *= -1;
    write_npy(data(name + "_normal.npy"), normals.shape, normals.values);
    std::vector<std::uint8_t> labels(kWidth * kHeight, 0);
    std::fill(labels.begin() + kWidth * kHeight / 2, labels.end(), std::uint8_t{5});
    std::fill(labels.begin(), labels.begin() + kWidth, std::uint8_t{255});
    write_labels(name, labels);
  }
  const Finished run = eval({checkpoint("normal"), "--data", data()});
  ASSERT_EQ(run.code, 0) << run.err;
  const Json json = run.json();
  EXPECT_NEAR(json["metrics"]["mean_angle"], 0, 1e-4);
  EXPECT_EQ(json["metrics"]["within_11.25"], 1);
  EXPECT_EQ(json["counted"]["pixels"], 3 * kWidth * kHeight / 2);
}

TEST_F(Eval, SkipsImagesWithoutTruthAndSaysSo) {
  write_labels("000002", std::vector<std::uint8_t>(kWidth * kHeight, 3));
  const std::string report = scratch_ / "report.json";
  const Finished run =
      run_sapiens({"eval", checkpoint("seg"), "--data", data(), "--output", report});
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("1 images"));
  EXPECT_THAT(run.out, HasSubstr("2 images with nothing to compare were skipped"));
  EXPECT_THAT(run.out, HasSubstr("mIoU"));
  EXPECT_EQ(Json::parse(read_bytes(report))["images"]["nothing_to_compare"], 2);
}

TEST_F(Eval, SaysWhatOfTheFolderIsLeftOut) {
  for (const char* name : {"000002", "gone"}) {
    const std::vector<Index> shape = {kHeight, kWidth};
    std::vector<float> values(kWidth * kHeight, 1);
    values[0] = 2;
    write_npy(data(name + std::string("_depth.npy")), shape, values);
  }
  write_labels("000002", std::vector<std::uint8_t>(kWidth * kHeight, 3));
  write_bytes(data("notes.md"), "");
  std::filesystem::create_directory(data("more"));
  const Finished run = eval({checkpoint("depth"), "--data", data()});
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_EQ(run.json()["left_out"]["files_of_ground_truth_without_an_image"], 1);
  EXPECT_EQ(run.json()["images"]["nothing_to_compare"], 2);
  EXPECT_EQ(
      run.json()["files"]["images"]["left_out"],
      Json::array({{{"reason", "folder"}, {"count", 1}, {"examples", {data("more")}}},
                   {{"reason", "other-kind"}, {"count", 1}, {"examples", {data("notes.md")}}}}));
  EXPECT_THAT(run.err, AllOf(HasSubstr("left out: 1 folder inside a folder"),
                             HasSubstr("left out: 1 file of another kind")));
}

TEST_F(Eval, LeavesOutImagesWhoseTruthIsOddAndNamesTheFile) {
  for (const std::string& name : kNames) {
    write_labels(name, std::vector<std::uint8_t>(kWidth * kHeight, 3));
  }
  write_class_png(data("000001_seg.png"), {.width = 1, .height = 2, .classes = 2, .ids = {0, 1}});
  write_labels("000003", std::vector<std::uint8_t>(kWidth * kHeight, 77));
  const Finished run = eval({checkpoint("seg"), "--data", data()});
  EXPECT_EQ(run.code, 1);
  EXPECT_EQ(run.json()["images"]["failed"], 2);
  EXPECT_EQ(run.json()["counted"]["pixels"], kWidth * kHeight);
  EXPECT_THAT(run.err, HasSubstr("000001_seg.png"));
  EXPECT_THAT(run.err, HasSubstr("000003_seg.png"));
  EXPECT_THAT(run.err, HasSubstr("77"));
}

TEST_F(Eval, LeavesOutTruthOfTheWrongType) {
  image("data/000001_seg.png");  // red, green and blue
  EXPECT_EQ(eval({checkpoint("seg"), "--data", data()}).code, 2);
  std::filesystem::remove(data("000001_seg.png"));
  write_npy_ids(data("000001_depth.npy"), std::vector<Index>{kHeight, kWidth},
                std::vector<std::uint8_t>(kWidth * kHeight));
  write_bytes(data("000002_depth.npy"), "\x93NUMPY");
  write_npy(data("000003_depth.npy"), std::vector<Index>{kWidth, kHeight},
            std::vector<float>(kWidth * kHeight));
  const Finished run = eval({checkpoint("depth"), "--data", data()});
  EXPECT_EQ(run.code, 2);
  EXPECT_THAT(run.json()["error"]["summary"].get<std::string>(), HasSubstr("no image"));
  for (const std::string& name : kNames) EXPECT_THAT(run.err, HasSubstr(name + "_depth.npy"));
}

TEST_F(Eval, LeavesOutAnnotatedImagesThatAreNotThere) {
  make_pose_data();
  std::filesystem::remove(data("000002.png"));
  const Finished run = eval({checkpoint("pose"), "--data", data(), "--no-flip-test"});
  EXPECT_EQ(run.code, 1);
  EXPECT_EQ(run.json()["images"]["failed"], 1);
  EXPECT_THAT(run.err, HasSubstr("000002.png"));
}

TEST_F(Eval, HasNothingToSayOfAFolderWithoutTruth) {
  const Finished run = eval({checkpoint("seg"), "--data", data()});
  EXPECT_EQ(run.code, 2);
  EXPECT_THAT(run.err, HasSubstr("_seg.png"));
  EXPECT_EQ(eval({checkpoint("pose"), "--data", data()}).code, 4);  // no annotations.json
  EXPECT_EQ(eval({checkpoint("seg"), "--data", scratch_ / "none"}).code, 4);
}

TEST_F(Eval, TakesATaskOnlyIfTheCheckpointHasIt) {
  EXPECT_EQ(eval({checkpoint("pretrain"), "--data", data()}).code, 3);
  write_npy(data("000001_depth.npy"), std::vector<Index>{kHeight, kWidth},
            std::vector<float>(kWidth * kHeight, 1));
  EXPECT_EQ(eval({checkpoint("seg"), "--data", data(), "--task", "depth"}).code, 3);
  write_labels("000001", std::vector<std::uint8_t>(kWidth * kHeight, 1));
  EXPECT_EQ(eval({checkpoint("seg"), "--data", data(), "--task", "seg"}).code, 0);
}

TEST_F(Eval, RefusesInvalidCalls) {
  const std::string truth = kCoco + "one_size.annotations.json";
  const std::string found = kCoco + "one_size.results.json";
  for (const std::vector<std::string>& call :
       {std::vector<std::string>{},
        {"--data", data()},
        {checkpoint("seg")},
        {checkpoint("pose"), "--annotations", truth},
        {checkpoint("pose"), "--annotations", truth, "--detections", found},
        {"--annotations", truth, "--detections", found, "--task", "seg"},
        {checkpoint("seg"), "--annotations", truth, "--images", data()},
        {"--annotations", truth, "--detections", found, "--pck", "0"},
        {"--annotations", truth, "--detections", found, "--pck", "nan"}}) {
    EXPECT_EQ(eval(call).code, 2) << testing::PrintToString(call);
  }
  EXPECT_EQ(eval({"--annotations", truth, "--detections", truth}).code, 4);
  EXPECT_EQ(eval({"--annotations", found, "--detections", found}).code, 4);
  EXPECT_EQ(
      eval({"--annotations", truth, "--detections", found, "--output", scratch_ / "no/a"}).code, 5);
}

}  // namespace
}  // namespace sapiens

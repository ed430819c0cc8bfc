#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/task_fixture.hpp"
#include "support/sanitizers.hpp"

namespace sapiens {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

/// What people's files of boxes and annotations make of whole runs.
class BoxesRun : public TaskFixture {
 protected:
  BoxesRun() {
    for (const char* name : {"in/1.png", "in/2.png"}) image(name);
  }

  Finished pose(const Json& entries, std::vector<std::string> more = {}) {
    write_bytes(scratch_ / "boxes.json", entries.dump());
    more.insert(more.begin(), {scratch_ / "in", "--boxes", scratch_ / "boxes.json", "--json",
                               "--no-flip-test", "--recursive"});
    return run("pose", more);
  }

  std::size_t persons(const std::string& name) const {
    return document(name + ".json")["instance_info"].size();
  }

  static Json box(const Json& image, const Json& numbers = {1, 2, 15, 20}) {
    Json entry = {{"bbox", numbers}};
    entry[image.is_string() ? "file_name" : "image_id"] = image;
    return entry;
  }
};

TEST_F(BoxesRun, TellsAnImageThatIsListedFromOneThatIsNot) {
  const Finished run =
      pose({{"images", {{{"id", 1}, {"file_name", "val/1.png"}}}}, {"annotations", Json::array()}});
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_THAT(run.err, HasSubstr("lists it without a box"));
  EXPECT_THAT(run.err, HasSubstr("no entry of"));
  EXPECT_EQ(run.json()["totals"]["images_without_an_entry"], 1);
  EXPECT_EQ(run.json()["inputs"][1]["no_entry_in_boxes"], true);
}

TEST_F(BoxesRun, FindsImagesByTheirPaths) {
  const Finished run =
      pose({box(scratch_ / "in/1.png"), box("D:\\val2017\\2.png"), box("gone.png")});
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_EQ(persons("1"), 1u);
  EXPECT_EQ(persons("2"), 1u);
  EXPECT_THAT(run.err, AllOf(HasSubstr("1 of 3 entries"), HasSubstr("gone.png")));
  const Json file = run.json()["totals"]["boxes_file"];
  EXPECT_EQ(file["used"], 2);
  EXPECT_EQ(file["left_out"]["unknown_images"]["first"], Json::array({"gone.png"}));
}

TEST_F(BoxesRun, IsRefusedBeforeItComputesWhereNothingMatches) {
  EXPECT_EQ(pose(Json::array({box("gone.png")})).code, 4);
  EXPECT_EQ(pose(Json::array({box("1.jpg")})).code, 4);
  const Finished run = pose(Json::array({box(7)}));
  EXPECT_EQ(run.code, 4);
  EXPECT_THAT(run.err, AllOf(HasSubstr("image_id 7"), Not(HasSubstr("json.exception"))));
}

TEST_F(BoxesRun, FailsForImagesThatAreUnclear) {
  image("in/deep/1.png");
  const Finished run = pose({box("x/1.png"), box("2.png")});
  EXPECT_EQ(run.code, 1);
  EXPECT_EQ(run.json()["totals"]["failed"], 2);
  EXPECT_EQ(run.json()["totals"]["done"], 1);
  EXPECT_THAT(run.err, HasSubstr("nothing tells which boxes"));
}

TEST_F(BoxesRun, TakesTheGivenCategory) {
  Json entries = {box(1), box(2)};
  for (Json& entry : entries) entry["category_id"] = 0;
  const Finished refused = pose(entries);
  EXPECT_EQ(refused.code, 4);
  EXPECT_THAT(refused.err, AllOf(HasSubstr("2 of category 0"), HasSubstr("--person-category 0")));
  const Finished run = pose(entries, {"--person-category", "0"});
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_EQ(persons("1"), 1u);
  EXPECT_EQ(run_sapiens({"pose", checkpoint("pose"), scratch_ / "in", "--output", output_,
                         "--person-category", "0"})
                .code,
            2);  // there is no file of boxes
}

TEST_F(BoxesRun, LeavesOutBoxesWithoutAreaAndOutsideOfTheImage) {
  Json chair = box("2.png", {5, 5, 0, 3});
  chair["category_id"] = 62;
  const Finished run = pose({box("1.png"), box("1.png", {5, 5, 0, 3}),
                             box("1.png", {kWidth, 0, 10, 10}), box("1.png", {-10, 0, 10, 10}),
                             box("2.png", {0, 500, 10, 10}), box("2.png", {-5, -5, 6, 6}), chair});
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_EQ(persons("1"), 1u);
  EXPECT_EQ(persons("2"), 1u);  // a corner of it is in the image
  const Json totals = run.json()["totals"];
  EXPECT_EQ(totals["boxes_outside"], 3);
  EXPECT_EQ(totals["boxes_file"]["left_out"]["without_area"], 1);
  EXPECT_EQ(totals["boxes_file"]["left_out"]["other_categories"]["62"], 1);
  EXPECT_EQ(run.json()["inputs"][0]["boxes_outside"], 2);
  EXPECT_EQ(document("sapiens-pose.json")["boxes_file"], totals["boxes_file"]);
  EXPECT_THAT(run.err, HasSubstr("2 boxes of persons are outside"));
}

TEST_F(BoxesRun, LeavesOutBoxesOfTheCommandLineThatAreOutside) {
  const Finished run = this->run("pose", {scratch_ / "in", "--box", "1,2,15,20", "--box",
                                          "500,2,15,20", "--json", "--no-flip-test"});
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_EQ(persons("1"), 1u);
  EXPECT_EQ(run.json()["totals"]["boxes_outside"], 2);
  const Finished shares = this->run("pose", {scratch_ / "in", "--box", "0.1,0.2,0.5,0.6"});
  EXPECT_EQ(shares.code, 2);
  EXPECT_THAT(shares.err, HasSubstr("pixels"));
}

TEST_F(BoxesRun, SpellsOutTheNameOfTheFile) {
  const std::string path = scratch_ / "\x1b[31m.json";
  write_bytes(path, Json::array({box("1.png")}).dump());
  const Finished run_of_it = run("pose", {scratch_ / "in", "--boxes", path});
  EXPECT_THAT(run_of_it.out, AllOf(HasSubstr("1 of 1 entries"), Not(HasSubstr("\x1b"))));
}

TEST_F(BoxesRun, SpeaksOfARecordInItsOwnWords) {
  ASSERT_EQ(pose({box("1.png"), box("2.png")}).code, 0);
  write_bytes(out("sapiens-pose.json"), "{\"settings\": 1}");
  const Finished run =
      this->run("pose", {scratch_ / "in", "--boxes", scratch_ / "boxes.json", "--resume"});
  EXPECT_EQ(run.code, 4);
  EXPECT_THAT(run.err, AllOf(HasSubstr("record of the earlier run"), Not(HasSubstr("exception"))));
}

TEST_F(BoxesRun, SaysHowManyImagesTheCocoFileHas) {
  write_bytes(scratch_ / "in/3.png", "no image");
  const Finished run = this->run("pose", {scratch_ / "in", "--coco", "--no-flip-test"});
  EXPECT_EQ(run.code, 1);
  EXPECT_THAT(run.err, HasSubstr("the persons of 2 of 3 images are in"));
}

class EvalRun : public BoxesRun {
 protected:
  static Json person(int image, const Json& box = {1, 2, 15, 20}) {
    return {{"image_id", image}, {"category_id", 1}, {"bbox", box},
            {"area", 300},       {"iscrowd", 0},     {"keypoints", std::vector<int>(3 * 17, 2)}};
  }

  static Json found(const Json& image) {
    std::vector<double> points;
    for (int k = 0; k < 17; ++k) points.insert(points.end(), {2, 2, 1});
    return {{"image_id", image}, {"category_id", 1}, {"keypoints", points}, {"score", 0.5}};
  }

  Json truth_ = {
      {"images",
       {{{"id", 1}, {"file_name", "val/1.png"}}, {{"id", 2}, {"file_name", "val\\2.png"}}}},
      {"annotations", {person(1), person(2)}}};

  Finished eval(std::vector<std::string> arguments) {
    write_bytes(scratch_ / "truth.json", truth_.dump());
    arguments.insert(arguments.begin(),
                     {"eval", "--annotations", scratch_ / "truth.json", "--json"});
    return run_sapiens(arguments);
  }

  Finished eval_found(const Json& entries, std::vector<std::string> more = {}) {
    write_bytes(scratch_ / "found.json", entries.dump());
    more.insert(more.begin(), {"--detections", scratch_ / "found.json"});
    return eval(more);
  }
};

TEST_F(EvalRun, FindsImagesThatWereNamedOnWindows) {
  const Finished run = eval({checkpoint("pose"), "--images", scratch_ / "in", "--no-flip-test"});
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_EQ(run.json()["images"]["compared"], 2);
}

TEST_F(EvalRun, CountsTrueBoxesOutsideOfTheirImage) {
  truth_["annotations"].push_back(person(2, {500, 2, 15, 20}));
  const Finished run = eval({checkpoint("pose"), "--images", scratch_ / "in", "--no-flip-test"});
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_EQ(run.json()["counted"]["true_boxes_outside_of_their_image"], 1);
}

TEST_F(EvalRun, RefusesImagesWithOneGroundTruth) {
  write_bytes(scratch_ / "in/1.jpg", read_bytes(scratch_ / "in/1.png"));
  write_bytes(scratch_ / "in/1_depth.npy", "");
  const Finished run = run_sapiens({"eval", checkpoint("depth"), "--data", scratch_ / "in"});
  EXPECT_EQ(run.code, 2);
  EXPECT_THAT(run.err, AllOf(HasSubstr("1.jpg"), HasSubstr("1.png"), HasSubstr("1_depth.npy")));
  EXPECT_EQ(run_sapiens(
                {"eval", checkpoint("depth"), "--data", scratch_ / "in", "--person-category", "0"})
                .code,
            2);
  EXPECT_EQ(eval({checkpoint("pose"), "--images", scratch_ / "in", "--found-category", "0"}).code,
            2);
}

TEST_F(EvalRun, RefusesTwoAnnotatedImagesOfOneFile) {
  truth_["images"][1]["file_name"] = "train/1.png";
  const Finished run = eval({checkpoint("pose"), "--images", scratch_ / "in"});
  EXPECT_EQ(run.code, 4);
  EXPECT_THAT(run.err, AllOf(HasSubstr("val/1.png"), HasSubstr("train/1.png")));
}

TEST_F(EvalRun, CountsPersonsWhoseBoxHasNoArea) {
  truth_["annotations"].push_back(person(2, {1, 2, 0, 20}));
  const Finished run = eval({checkpoint("pose"), "--images", scratch_ / "in", "--no-flip-test"});
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_EQ(run.json()["left_out"]["persons_not_found_as_their_box_has_no_area"], 1);
  EXPECT_EQ(run.json()["counted"]["persons"], 3);  // they count as not found
  EXPECT_EQ(run.json()["counted"]["of_these_not_found"], 1);
  // The same holds where the image has no other person.
  truth_["annotations"] = {person(1), person(2, {1, 2, 5, -20})};
  const Finished alone = eval({checkpoint("pose"), "--images", scratch_ / "in"});
  EXPECT_EQ(alone.json()["counted"]["of_these_not_found"], 1);
  truth_["annotations"] = Json::array({person(1, {1, 2, 0, 0})});
  EXPECT_EQ(eval({checkpoint("pose"), "--images", scratch_ / "in"}).code, 2);
}

TEST_F(EvalRun, SaysWhatOfTheDetectionsIsLeftOut) {
  Json chair = found(1);
  chair["category_id"] = 62;
  const Finished run = eval_found({found(1), found(2.0), found("2"), found(99), chair});
  ASSERT_EQ(run.code, 0) << run.err;
  const Json file = run.json()["files"]["detections"];
  EXPECT_EQ(file["used"], 3);
  EXPECT_EQ(file["left_out"]["other_categories"]["62"], 1);
  EXPECT_EQ(file["left_out"]["unknown_images"]["entries"], 1);
  EXPECT_THAT(run.err, AllOf(HasSubstr("image_id 99"), HasSubstr("1 of category 62")));
  EXPECT_EQ(eval_found(Json::array({found(99)})).code, 4);
  EXPECT_EQ(eval_found(Json::array()).code, 0);  // nothing was found
}

TEST_F(EvalRun, TakesCategoriesThatCountFromZero) {
  Json zero = found(1);
  zero["category_id"] = 0;
  const Finished refused = eval_found(Json::array({zero}));
  EXPECT_EQ(refused.code, 4);
  EXPECT_THAT(refused.err,
              AllOf(HasSubstr("--found-category 0"), HasSubstr("--person-category 0")));
  EXPECT_EQ(eval_found(Json::array({zero}), {"--found-category", "0"}).code, 0);
  for (Json& person : truth_["annotations"]) person["category_id"] = 0;
  const Finished truth = eval_found(Json::array({zero}));
  EXPECT_EQ(truth.code, 4);
  EXPECT_THAT(truth.err, HasSubstr("--person-category 0"));
  EXPECT_EQ(eval_found(Json::array({zero}), {"--person-category", "0"}).code, 0);
}

TEST_F(EvalRun, ComparesACrowdInMemoryThatGrowsWithIt) {
  constexpr int kPersons = 3000;
  Json& people = truth_["annotations"];
  Json entries = Json::array();
  people = Json::array();
  for (int i = 0; i < kPersons; ++i) {
    people.push_back(person(1));
    entries.push_back(found(1));
  }
  const Finished run = eval_found(entries);
  ASSERT_EQ(run.code, 0) << run.err;
  if (!kUnderSanitizer) {                     // its own memory would be measured
    EXPECT_LT(run.peak_bytes, 150'000'000u);  // every pair of them takes 216 MB
  }
  const Json left_out = run.json()["left_out"];
  EXPECT_EQ(left_out["predictions_beyond_the_best_20_of_an_image"], kPersons - 20);
  EXPECT_EQ(left_out["predictions_that_PCK_does_not_pair"], kPersons - 250'000 / kPersons);
}

}  // namespace
}  // namespace sapiens

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/input/coco_files.hpp"
#include "support/error_code_of.hpp"
#include "support/scratch.hpp"

namespace sapiens::cli {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kAnnotations = R"({
  "info": {"nested": {"id": 1}},
  "annotations": [
    {"id": 1, "image_id": 7, "category_id": 1, "bbox": [1, 2, 30, 40], "area": 500.5,
     "iscrowd": 0, "num_keypoints": 1, "keypoints": [3, 4, 2, 0, 0, 0]},
    {"id": 2, "image_id": 7, "category_id": 2, "bbox": [0, 0, 1, 1], "area": 1, "keypoints": []},
    {"id": 3, "image_id": 7, "bbox": [0, 0, 1, 1], "area": 1, "iscrowd": 1,
     "keypoints": [5, 6, 1, 7, 8, 1]}],
  "images": [{"id": 9, "file_name": "b.png"}, {"id": 7, "file_name": "deep/a.png"}]})";

class EvalFiles : public testing::Test {
 protected:
  Annotations annotations(const std::string& text = kAnnotations) {
    write_bytes(scratch_ / "annotations.json", text);
    return Annotations::read(scratch_ / "annotations.json");
  }

  Predictions found(const std::string& text, const PersonCategory& category = {}) {
    write_bytes(scratch_ / "found.json", text);
    return Predictions::read(scratch_ / "found.json", annotations(), category);
  }

  /// The message for what `read` refuses.
  template <typename Read>
  static std::string refusal(Read read) {
    try {
      read();
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::CorruptFile);
      EXPECT_THAT(error.what(), Not(HasSubstr("json.exception")));
      return error.what();
    }
    ADD_FAILURE();
    return "";
  }

  /// The annotations with one thing changed.
  static std::string changed(const std::string& part, const std::string& other) {
    std::string text = kAnnotations;
    const std::size_t at = text.find(part);
    EXPECT_NE(at, std::string::npos) << part;
    return text.replace(at, part.size(), other);
  }

  Scratch scratch_;
};

TEST_F(EvalFiles, AnnotationsAreReadInWhateverOrderTheListsHave) {
  const Annotations read = annotations();
  EXPECT_EQ(read.keypoints, 2);
  ASSERT_EQ(read.images.size(), 2u);
  EXPECT_EQ(read.images[0].id, 9);
  EXPECT_TRUE(read.images[0].persons.empty());
  ASSERT_EQ(read.images[1].persons.size(), 2u);  // category 2 is no person
  const GroundTruthPerson& person = read.images[1].persons[0];
  EXPECT_EQ(person.height, 40);
  EXPECT_EQ(person.area, 500.5);
  EXPECT_EQ(person.num_keypoints, 1);
  EXPECT_EQ(person.keypoints[0].visibility, 2);
  EXPECT_TRUE(read.images[1].persons[1].crowd);
  EXPECT_EQ(read.images[1].persons[1].num_keypoints, 2);  // counted where the file does not
}

TEST_F(EvalFiles, AnnotationsThatMakeNoSenseAreRefusedWithTheEntry) {
  const std::vector<std::pair<std::string, std::string>> changes = {
      {"[3, 4, 2, 0, 0, 0]", "[3, 4]"},
      {"[3, 4, 2, 0, 0, 0]", "[3, 4, 2]"},  // others have two points
      {"[3, 4, 2, 0, 0, 0]", "\"none\""},
      {"[3, 4, 2, 0, 0, 0]", "[3, 4, 1e300, 0, 0, 0]"},
      {"[3, 4, 2, 0, 0, 0]", "[3, null, 2, 0, 0, 0]"},
      {"[1, 2, 30, 40]", "[1, 2, 30]"},
      {"[1, 2, 30, 40]", "[1, 2, 30, 1e300]"},
      {"\"area\": 500.5", "\"area\": -1"},
      {"\"area\": 500.5", "\"area\": \"big\""},
      {"\"area\": 500.5", "\"size\": 500.5"},
      {"\"num_keypoints\": 1", "\"num_keypoints\": 1e300"},
      {"\"num_keypoints\": 1", "\"num_keypoints\": -1"},
      {"\"iscrowd\": 0", "\"iscrowd\": \"no\""},
      {"\"iscrowd\": 0", "\"iscrowd\": null"},
      {"[1, 2, 30, 40]", "[1, 2, 30, NaN]"},
      {"[1, 2, 30, 40]", "[1, 2, 30, 40], \"bbox\": [1, 2, 30, 40]"},
      {"\"category_id\": 1", "\"category_id\": null"},
      {"\"image_id\": 7", "\"image_id\": \"seven\""},
      {"\"image_id\": 7", "\"image_id\": 8"},  // no such image
      {"{\"id\": 9", "{\"id\": 7"},            // twice
      {"\"file_name\": \"b.png\"", "\"name\": \"b.png\""},
  };
  for (const auto& change : changes) {
    EXPECT_EQ(error_code_of([&] { annotations(changed(change.first, change.second)); }),
              ErrorCode::CorruptFile)
        << change.first << " -> " << change.second;
  }
  try {
    annotations(changed("500.5", "-1"));
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_THAT(error.detail().actual, HasSubstr("entry 0 of annotations"));
    EXPECT_THAT(error.detail().file, HasSubstr("annotations.json"));
  }
}

TEST_F(EvalFiles, AnnotationsTakeIdsThatOtherProgramsWrite) {
  const Annotations read = annotations(
      changed("\"image_id\": 7, \"category_id\": 1,", "\"image_id\": 7.0, \"category_id\": 1.0,"));
  EXPECT_EQ(read.images[1].persons.size(), 2u);
  EXPECT_EQ(annotations(changed("{\"id\": 7", "{\"id\": \"07\"")).images[1].persons.size(), 2u);
  EXPECT_THAT(refusal([&] { annotations(changed("{\"id\": 9", "{\"id\": 7.0")); }),
              HasSubstr("entry 1 of images"));
}

TEST_F(EvalFiles, AnnotationsSayWhatIsNoPerson) {
  const Annotations read = annotations();
  EXPECT_EQ(read.tally.json()["left_out"]["other_categories"], Json({{"2", 1}}));
  EXPECT_EQ(read.tally.persons(), 2);
  const std::string zero = R"({"images": [{"id": 1, "file_name": "a.png"}], "annotations": [
      {"image_id": 1, "category_id": 0, "bbox": [1, 2, 3, 4], "area": 5, "keypoints": [1, 2, 2]}]})";
  EXPECT_THAT(refusal([&] { annotations(zero); }),
              AllOf(HasSubstr("1 of category 0"), HasSubstr("--person-category 0")));
  EXPECT_EQ(Annotations::read(scratch_ / "annotations.json", {.id = "0", .chosen = true})
                .images[0]
                .persons.size(),
            1u);
}

TEST_F(EvalFiles, AnnotationsAreInPixels) {
  const std::string shares = R"({"images": [{"id": 1, "file_name": "a.png"}], "annotations": [
      {"image_id": 1, "bbox": [0.1, 0.2, 0.3, 0.4], "area": 0.1, "keypoints": [0.2, 0.2, 2]}]})";
  EXPECT_THAT(refusal([&] { annotations(shares); }), HasSubstr("multiply"));
}

TEST_F(EvalFiles, EntriesOfAnnotationsAreObjects) {
  for (const char* value : {"1", "null", "\"x\"", "[1]", "{}", "[{}]"}) {
    const std::string document = std::string(R"({"images": [{"id": 1, "file_name": "a.png"}],
        "annotations": [)") + value +
                                 "]}";
    EXPECT_THAT(refusal([&] { annotations(document); }), HasSubstr("entry 0 of annotations"))
        << value;
  }
  for (const char* value : {"1", "null", "{}", "\"x\""}) {
    const std::string document = std::string(R"({"images": [)") + value + "], \"annotations\": []}";
    EXPECT_THAT(refusal([&] { annotations(document); }), HasSubstr("entry 0 of images")) << value;
    const std::string categories =
        changed("\"info\"", "\"categories\": [" + std::string(value) + "], \"info\"");
    EXPECT_THAT(refusal([&] { annotations(categories); }), HasSubstr("entry 0 of categories"));
  }
  for (const char* value : {"null", "\"x\"", "{}", "1"}) {
    const std::string document = std::string(R"({"images": [{"id": 1, "file_name": "a.png"}],
        "annotations": )") + value +
                                 "}";
    EXPECT_THAT(refusal([&] { annotations(document); }), HasSubstr("`annotations` is not a list"));
  }
}

TEST_F(EvalFiles, AnnotationsOfOtherFormatsAreRefused) {
  for (const char* text : {"", "{", "[]", "{}", "5", "null", R"({"images": []})",
                           R"({"images": [{"id": 1, "file_name": "a.png"}]})",
                           R"([{"image_id": 1, "keypoints": [1, 2, 3], "score": 1}])", "\xff\xfe",
                           R"({"images": [5], "annotations": [[]]})"}) {
    EXPECT_EQ(error_code_of([&] { annotations(text); }), ErrorCode::CorruptFile) << text;
  }
  EXPECT_EQ(error_code_of([&] { Annotations::read(scratch_ / "none.json"); }), ErrorCode::NotFound);
  EXPECT_EQ(error_code_of([&] { Annotations::read(scratch_.path()); }), ErrorCode::CorruptFile);
  const std::string deep(100'000, '[');
  EXPECT_EQ(error_code_of([&] { annotations(deep); }), ErrorCode::CorruptFile);
}

TEST_F(EvalFiles, PredictionsAreAListWithTheIdsOfTheAnnotations) {
  const Predictions read = found(R"([
    {"image_id": 7, "category_id": 1, "keypoints": [1, 2, 0.5, 3, 4, 1], "score": 0.25},
    {"image_id": 7, "category_id": 3, "keypoints": [], "score": 1},
    {"image_id": 8, "category_id": 1, "keypoints": [1, 2, 0, 3, 4, 0], "score": 1}])");
  ASSERT_EQ(read.by_image.size(), 1u);
  const PredictedPerson& person = read.by_image.at(7).at(0);
  EXPECT_EQ(person.score, 0.25);
  EXPECT_EQ(person.keypoints[1].x, 3);
  EXPECT_EQ(read.tally.unknown.entries, 1);
  EXPECT_TRUE(found("[]").by_image.empty());
}

TEST_F(EvalFiles, PredictionsOfADocumentBelongToImagesByTheirNames) {
  const Predictions read = found(R"({
    "annotations": [{"image_id": 1, "keypoints": [1, 2, 2, 3, 4, 2], "score": 1},
                    {"image_id": 2, "keypoints": [5, 6, 2, 7, 8, 2], "score": 1},
                    {"image_id": 7, "keypoints": [5, 6, 2, 7, 8, 2], "score": 1}],
    "images": [{"id": 1, "file_name": "a.png"}, {"id": 2, "file_name": "b.png"},
               {"id": 7, "file_name": "c.png"}]})");
  EXPECT_EQ(read.by_image.at(7).at(0).keypoints[0].x, 1);
  EXPECT_EQ(read.by_image.at(9).at(0).keypoints[0].x, 5);
  EXPECT_EQ(read.tally.unknown.entries, 1);  // c.png, although an annotated image has its number
}

TEST_F(EvalFiles, EntriesOfPredictionsAreObjects) {
  for (const char* value : {"1", "null", "\"x\"", "[1]", "{}", "true"}) {
    const std::string list = std::string("[") + value + "]";
    EXPECT_THAT(refusal([&] { found(list); }), HasSubstr("entry 0")) << value;
    EXPECT_THAT(refusal([&] { found("{\"annotations\": " + list + "}"); }),
                HasSubstr("entry 0 of annotations"));
  }
}

TEST_F(EvalFiles, PredictionsAreMatchedAsBoxesAre) {
  const auto entry = [](const std::string& image) {
    return "[{" + image + R"(, "keypoints": [1, 2, 2, 3, 4, 2], "score": 1}])";
  };
  for (const char* image :
       {"\"image_id\": 7.0", "\"image_id\": \"7\"", "\"file_name\": \"deep/a.png\"",
        "\"file_name\": \"C:\\\\x\\\\a.png\"", "\"file_name\": \"/data/val/deep/a.png\""}) {
    EXPECT_EQ(found(entry(image)).by_image.at(7).size(), 1u) << image;
  }
  for (const char* image : {"\"image_id\": 8", "\"image_id\": -7", "\"image_id\": 1e15",
                            "\"file_name\": \"a.jpg\"", "\"image_id\": \"a\""}) {
    EXPECT_THAT(refusal([&] { found(entry(image)); }), HasSubstr("none of its 1 persons")) << image;
  }
  for (const char* image : {"\"image_id\": null", "\"image_id\": 7.5", "\"image_id\": []"}) {
    EXPECT_THAT(refusal([&] { found(entry(image)); }), HasSubstr("entry 0: `image_id`")) << image;
  }
}

TEST_F(EvalFiles, PredictionsOfAnUnclearImageAreRefused) {
  const std::string both = R"([
      {"file_name": "x/b.png", "keypoints": [1, 2, 2, 3, 4, 2], "score": 1},
      {"file_name": "y/b.png", "keypoints": [1, 2, 2, 3, 4, 2], "score": 1}])";
  EXPECT_THAT(refusal([&] { found(both); }), AllOf(HasSubstr("x/b.png"), HasSubstr("y/b.png")));
}

TEST_F(EvalFiles, PredictionsSayTheirCategory) {
  const std::string zero =
      R"([{"image_id": 7, "category_id": 0, "keypoints": [1, 2, 2, 3, 4, 2], "score": 1}])";
  EXPECT_THAT(refusal([&] { found(zero); }), HasSubstr("--person-category 0"));
  EXPECT_EQ(found(zero, {.id = "0", .chosen = true}).by_image.at(7).size(), 1u);
}

TEST_F(EvalFiles, PredictionsAreInPixels) {
  EXPECT_THAT(refusal([&] {
                found(R"([{"image_id": 7, "keypoints": [0.1, 0.2, 2, 0, 1, 2], "score": 1}])");
              }),
              HasSubstr("multiply"));
  // Whole numbers are pixels: nothing was found but the corner.
  EXPECT_EQ(found(R"([{"image_id": 7, "keypoints": [0, 0, 0, 1, 1, 2], "score": 1}])")
                .by_image.at(7)
                .size(),
            1u);
}

TEST_F(EvalFiles, PredictionsOfOtherFormatsAreRefused) {
  for (const char* text :
       {"", "{}", "7", R"({"images": []})", R"([{"image_id": 7, "keypoints": [1, 2, 3, 4, 5, 6]}])",
        R"([{"image_id": 7, "keypoints": [1, 2, 3], "score": 1}])",
        R"([{"image_id": 7, "keypoints": [1, 2, 3, 4, 5, 6], "score": "high"}])",
        R"([{"image_id": 7, "keypoints": [1, 2, 3, 4, 5, 1e999], "score": 1}])",
        R"([{"keypoints": [1, 2, 3, 4, 5, 6], "score": 1}])"}) {
    EXPECT_EQ(error_code_of([&] { found(text); }), ErrorCode::CorruptFile) << text;
  }
}

}  // namespace
}  // namespace sapiens::cli

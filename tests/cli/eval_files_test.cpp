#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "annotations.hpp"
#include "found_persons.hpp"
#include "support/error_code_of.hpp"
#include "support/scratch.hpp"

namespace sapiens::cli {
namespace {

using testing::HasSubstr;

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

  FoundPersons found(const std::string& text) {
    write_bytes(scratch_ / "found.json", text);
    return FoundPersons::read(scratch_ / "found.json", annotations());
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
  ASSERT_EQ(read.pictures.size(), 2u);
  EXPECT_EQ(read.pictures[0].id, 9);
  EXPECT_TRUE(read.pictures[0].persons.empty());
  ASSERT_EQ(read.pictures[1].persons.size(), 2u);  // category 2 is no person
  const LabelledPerson& person = read.pictures[1].persons[0];
  EXPECT_EQ(person.height, 40);
  EXPECT_EQ(person.area, 500.5);
  EXPECT_EQ(person.labelled, 1);
  EXPECT_EQ(person.keypoints[0].visibility, 2);
  EXPECT_TRUE(read.pictures[1].persons[1].crowd);
  EXPECT_EQ(read.pictures[1].persons[1].labelled, 2);  // counted where the file does not
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
      {"\"image_id\": 7", "\"image_id\": \"seven\""},
      {"\"image_id\": 7", "\"image_id\": 8"},  // no such picture
      {"{\"id\": 9", "{\"id\": 7"},            // twice
      {"\"file_name\": \"b.png\"", "\"name\": \"b.png\""},
  };
  for (const auto& [part, other] : changes) {
    EXPECT_EQ(error_code_of([&] { annotations(changed(part, other)); }), ErrorCode::CorruptFile)
        << part << " -> " << other;
  }
  try {
    annotations(changed("500.5", "-1"));
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_THAT(error.detail().actual, HasSubstr("entry 0 of annotations"));
    EXPECT_THAT(error.detail().file, HasSubstr("annotations.json"));
  }
}

TEST_F(EvalFiles, OtherFilesAreNoAnnotations) {
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

TEST_F(EvalFiles, FoundPersonsAreAListWithTheIdsOfTheAnnotations) {
  const FoundPersons read = found(R"([
    {"image_id": 7, "category_id": 1, "keypoints": [1, 2, 0.5, 3, 4, 1], "score": 0.25},
    {"image_id": 7, "category_id": 3, "keypoints": [], "score": 1},
    {"image_id": 8, "category_id": 1, "keypoints": [1, 2, 0, 3, 4, 0], "score": 1}])");
  ASSERT_EQ(read.by_picture.size(), 1u);
  const FoundPerson& person = read.by_picture.at(7).at(0);
  EXPECT_EQ(person.score, 0.25);
  EXPECT_EQ(person.keypoints[1].x, 3);
  EXPECT_EQ(read.elsewhere, 1);
  EXPECT_TRUE(found("[]").by_picture.empty());
}

TEST_F(EvalFiles, FoundPersonsOfADocumentBelongToPicturesByTheirNames) {
  const FoundPersons read = found(R"({
    "annotations": [{"image_id": 1, "keypoints": [1, 2, 2, 3, 4, 2], "score": 1},
                    {"image_id": 2, "keypoints": [5, 6, 2, 7, 8, 2], "score": 1},
                    {"image_id": 7, "keypoints": [5, 6, 2, 7, 8, 2], "score": 1}],
    "images": [{"id": 1, "file_name": "a.png"}, {"id": 2, "file_name": "b.png"},
               {"id": 7, "file_name": "c.png"}]})");
  EXPECT_EQ(read.by_picture.at(7).at(0).keypoints[0].x, 1);
  EXPECT_EQ(read.by_picture.at(9).at(0).keypoints[0].x, 5);
  EXPECT_EQ(read.elsewhere, 1);  // c.png, although an annotated picture has its number
}

TEST_F(EvalFiles, OtherFilesAreNoFoundPersons) {
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

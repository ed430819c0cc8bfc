#include <fmt/format.h>
#include <gmock/gmock.h>

#include "cli/input/coco_files.hpp"
#include "support/error_code_of.hpp"
#include "support/scratch.hpp"

namespace sapiens::cli {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

std::string text(const Box& box) {
  return fmt::format("{} {} {} {} at {}", box.x, box.y, box.width, box.height, box.score);
}

std::vector<std::string> texts(const std::vector<Box>& boxes) {
  std::vector<std::string> all;
  for (const Box& box : boxes) all.push_back(text(box));
  return all;
}

TEST(ParseBox, TakesFourNumbers) {
  EXPECT_EQ(text(*parse_box("1,-2.5,30,4e1")), "1 -2.5 30 40 at 1");
  for (const char* wrong : {"", "1,2,3", "1,2,3,4,5", "1,2,3,4 ", "1,2,,4", "a,b,c,d", "1,2,0,4",
                            "1,2,3,-4", "nan,2,3,4", "1,2,inf,4", "1,2,3,1e300", "1;2;3;4"}) {
    EXPECT_FALSE(parse_box(wrong)) << wrong;
  }
}

class BoxesFile : public testing::Test {
 protected:
  PersonBoxes read(const std::string& json, const PersonCategory& category = {}) const {
    write_bytes(scratch_ / "boxes.json", json);
    return PersonBoxes::read(scratch_ / "boxes.json", images_, category);
  }

  /// The message for what is refused.
  std::string refusal(const std::string& json) const {
    try {
      read(json);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::CorruptFile) << json;
      EXPECT_THAT(error.what(), Not(HasSubstr("json.exception"))) << json;
      return error.what();
    }
    ADD_FAILURE() << json;
    return "";
  }

  static InputFile input(const std::string& path) {
    return {.path = "photos/" + path, .name = path};
  }

  std::vector<std::string> boxes_of(const PersonBoxes& boxes, const std::string& path) const {
    return texts(boxes.of(input(path)).boxes);
  }

  Scratch scratch_;
  std::vector<InputFile> images_ = {input("a.jpg"), input("deep/a.jpg"), input("000000000139.jpg"),
                                    input("b.png"), input("nobody.jpg")};
};

TEST_F(BoxesFile, IsAListByFileNameOrId) {
  const PersonBoxes boxes = read(R"([
    {"file_name": "a.jpg", "bbox": [1, 2, 3, 4], "score": 0.5},
    {"file_name": "deep/a.jpg", "bbox": [9, 9, 9, 9]},
    {"image_id": 139, "bbox": [5, 6, 7, 8], "category_id": 1},
    {"image_id": 139, "bbox": [5, 6, 7, 8], "category_id": 18},
    {"image_id": "b", "bbox": [0.5, 0, 2, 2]},
    {"file_name": "a.jpg", "bbox": [10, 20, 30, 40]}])");
  EXPECT_THAT(boxes_of(boxes, "a.jpg"), ElementsAre("1 2 3 4 at 0.5", "10 20 30 40 at 1"));
  EXPECT_THAT(boxes_of(boxes, "deep/a.jpg"), ElementsAre("9 9 9 9 at 1"));
  EXPECT_THAT(boxes_of(boxes, "000000000139.jpg"), ElementsAre("5 6 7 8 at 1"));
  EXPECT_THAT(boxes_of(boxes, "b.png"), ElementsAre("0.5 0 2 2 at 1"));
  EXPECT_FALSE(boxes.of(input("nobody.jpg")).listed);
  EXPECT_EQ(boxes.tally().json()["left_out"]["other_categories"], Json({{"18", 1}}));
  EXPECT_EQ(boxes.tally().used(), 5);
}

TEST_F(BoxesFile, IsTheAnnotationsOfCoco) {
  const PersonBoxes boxes = read(R"({
    "images": [{"id": 7.0, "file_name": "nobody.jpg"}, {"id": "8", "file_name": "train/b.png"}],
    "annotations": [{"image_id": 8, "bbox": [1, 2, 3, 4], "category_id": 1.0}]})");
  EXPECT_THAT(boxes_of(boxes, "b.png"), ElementsAre("1 2 3 4 at 1"));
  // Without persons, which is not the same as not being there.
  EXPECT_TRUE(boxes.of(input("nobody.jpg")).listed);
  EXPECT_FALSE(boxes.of(input("a.jpg")).listed);
}

TEST_F(BoxesFile, NamesIdsAnyWay) {
  for (const char* id : {"139", "139.0", "\"139\"", "\"000000000139\"", "1.39e2"}) {
    const PersonBoxes boxes =
        read(fmt::format(R"([{{"image_id": {}, "bbox": [1, 2, 3, 4]}}])", id));
    EXPECT_EQ(boxes_of(boxes, "000000000139.jpg").size(), 1u) << id;
  }
}

TEST_F(BoxesFile, NamesImagesAnyWay) {
  const std::string full = std::filesystem::absolute("photos/b.png").string();
  for (const std::string& name :
       {full, std::string("./b.png"), std::string("val2017/b.png"), std::string("photos/b.png"),
        std::string("C:\\\\images\\\\b.png"), std::string("/somewhere/else/b.png")}) {
    const PersonBoxes boxes =
        read(fmt::format(R"([{{"file_name": "{}", "bbox": [1, 2, 3, 4]}}])", name));
    EXPECT_EQ(boxes_of(boxes, "b.png").size(), 1u) << name;
  }
}

TEST_F(BoxesFile, CountsAndNamesWhatMatchesNoImage) {
  const PersonBoxes boxes = read(R"([
    {"file_name": "b.png", "bbox": [1, 2, 3, 4]},
    {"file_name": "gone.png", "bbox": [1, 2, 3, 4]},
    {"file_name": "gone.png", "bbox": [1, 2, 3, 4]},
    {"file_name": "nobody.png", "bbox": [1, 2, 3, 4]},
    {"image_id": 140, "bbox": [1, 2, 3, 4]}])");
  const Json stray = boxes.tally().json()["left_out"]["unknown_images"];
  EXPECT_EQ(stray["entries"], 4);
  EXPECT_EQ(stray["images"], 3);
  EXPECT_EQ(boxes.tally().used(), 1);
  ASSERT_EQ(boxes.tally().lines().size(), 1u);
  EXPECT_THAT(boxes.tally().lines()[0],
              AllOf(HasSubstr("4 of 5 entries"), HasSubstr("gone.png"), HasSubstr("image_id 140"),
                    HasSubstr("nobody.png (there is nobody.jpg)")));
}

TEST_F(BoxesFile, CutsNamesThatFillTheScreen) {
  const std::string name(100'000, 'x');
  const std::string message =
      refusal(R"([{"file_name": ")" + name + R"(", "bbox": [1, 2, 3, 4]}])");
  EXPECT_LT(message.size(), 2000u);
}

TEST_F(BoxesFile, IsRefusedWhereNothingMatches) {
  EXPECT_THAT(refusal(R"([{"file_name": "gone.png", "bbox": [1, 2, 3, 4]}])"),
              AllOf(HasSubstr("gone.png"), HasSubstr("a.jpg")));
  EXPECT_THAT(refusal(R"([{"image_id": 1, "bbox": [1, 2, 3, 4]}])"), HasSubstr("image_id 1"));
  EXPECT_THAT(refusal(R"({"images": [{"id": 1, "file_name": "gone.png"}],
                          "annotations": [{"image_id": 139, "bbox": [1, 2, 3, 4]}]})"),
              HasSubstr("image_id 139, which `images` does not have"));
  EXPECT_THAT(refusal(R"({"images": [{"id": 1, "file_name": "b.png"}],
                          "annotations": [{"image_id": 101, "bbox": [1, 2, 3, 4]}]})"),
              HasSubstr("none of its 1 persons is in one of its own `images`: image_id 101"));
  // `a.jpg` alone is a path below the folder; in another one it may be either.
  EXPECT_THAT(refusal(R"([{"file_name": "x/a.jpg", "bbox": [1, 2, 3, 4]}])"),
              HasSubstr("several images"));
}

TEST_F(BoxesFile, TellsWhichImagesAreUnclear) {
  const PersonBoxes boxes = read(R"([{"file_name": "x/a.jpg", "bbox": [1, 2, 3, 4]},
                                     {"file_name": "b.png", "bbox": [1, 2, 3, 4]}])");
  EXPECT_TRUE(boxes.of(input("a.jpg")).unclear);
  EXPECT_TRUE(boxes.of(input("deep/a.jpg")).unclear);
  EXPECT_FALSE(boxes.of(input("b.png")).unclear);
  EXPECT_EQ(boxes.tally().json()["left_out"]["unclear_images"]["entries"], 1);
}

TEST_F(BoxesFile, NamesTheCategoriesThatAreNoPersons) {
  const std::string zero = R"([{"file_name": "b.png", "category_id": 0, "bbox": [1, 2, 3, 4]},
                               {"file_name": "b.png", "category_id": 0, "bbox": [1, 2, 3, 4]},
                               {"file_name": "b.png", "category_id": 62, "bbox": [1, 2, 3, 4]}])";
  EXPECT_THAT(refusal(zero), AllOf(HasSubstr("2 of category 0"), HasSubstr("1 of category 62"),
                                   HasSubstr("--person-category 0")));
  EXPECT_EQ(read(zero, {.id = "0", .chosen = true}).tally().used(), 2);
  // The file knows better than a count.
  EXPECT_THAT(refusal(R"({"images": [{"id": 1, "file_name": "b.png"}],
      "categories": [{"id": 5, "name": "car"}, {"id": 9, "name": "Person"}],
      "annotations": [{"image_id": 1, "category_id": 5, "bbox": [1, 2, 3, 4]},
                      {"image_id": 1, "category_id": 5, "bbox": [1, 2, 3, 4]},
                      {"image_id": 1, "category_id": 9, "bbox": [1, 2, 3, 4]}]})"),
              AllOf(HasSubstr("2 of category 5 `car`"), HasSubstr("--person-category 9")));
}

TEST_F(BoxesFile, IsRefusedWhereCategoriesCountFromZeroAndOneMayBeBicycles) {
  const std::string mixed = R"([{"file_name": "b.png", "category_id": 0, "bbox": [1, 2, 3, 4]},
                                {"file_name": "b.png", "category_id": 1, "bbox": [9, 9, 9, 9]}])";
  EXPECT_THAT(refusal(mixed), AllOf(HasSubstr("count from 0"), HasSubstr("--person-category 0")));
  EXPECT_THAT(boxes_of(read(mixed, {.id = "0", .chosen = true}), "b.png"),
              ElementsAre("1 2 3 4 at 1"));
  EXPECT_THAT(boxes_of(read(mixed, {.id = "1", .chosen = true}), "b.png"),
              ElementsAre("9 9 9 9 at 1"));
  const std::string named = R"({"images": [{"id": 1, "file_name": "b.png"}],
      "categories": [{"id": 0, "name": "head"}, {"id": 1, "name": "person"}],
      "annotations": [{"image_id": 1, "category_id": 0, "bbox": [1, 2, 3, 4]},
                      {"image_id": 1, "category_id": 1, "bbox": [9, 9, 9, 9]}]})";
  EXPECT_EQ(read(named).tally().used(), 1);
}

TEST_F(BoxesFile, IsRefusedWhereItCallsAnotherCategoryPerson) {
  const std::string cars = R"({"images": [{"id": 1, "file_name": "b.png"}],
      "categories": [{"id": 0, "name": "person"}, {"id": 1, "name": "bicycle"}],
      "annotations": [{"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4]},
                      {"image_id": 1, "category_id": 0, "bbox": [9, 9, 9, 9]}]})";
  EXPECT_THAT(refusal(cars), AllOf(HasSubstr("bicycle"), HasSubstr("--person-category 0")));
  EXPECT_THAT(boxes_of(read(cars, {.id = "0", .chosen = true}), "b.png"),
              ElementsAre("9 9 9 9 at 1"));
  EXPECT_THAT(boxes_of(read(cars, {.id = "1", .chosen = true}), "b.png"),
              ElementsAre("1 2 3 4 at 1"));
}

TEST_F(BoxesFile, LeavesOutBoxesWithoutArea) {
  const PersonBoxes boxes = read(R"([
    {"file_name": "b.png", "bbox": [1, 2, 3, 4]},
    {"file_name": "b.png", "bbox": [1, 2, 0, 4]},
    {"file_name": "b.png", "bbox": [1, 2, 3, -4]},
    {"file_name": "a.jpg", "bbox": [1, 2, 0, 0]},
    {"file_name": "b.png", "category_id": 62, "bbox": [1, 2, 0, 0]},
    {"file_name": "b.png", "bbox": [0.1, 0.1, 0.5, 0.5]}])");
  EXPECT_EQ(boxes_of(boxes, "b.png").size(), 2u);
  EXPECT_TRUE(boxes.of(input("a.jpg")).listed);
  EXPECT_EQ(boxes.tally().json()["left_out"]["without_area"], 3);
  EXPECT_EQ(boxes.tally().json()["smaller_than_a_pixel"], 1);
  EXPECT_EQ(boxes.tally().lines().size(), 3u);  // with that of another category
  EXPECT_THAT(refusal(R"([{"file_name": "b.png", "bbox": [1, 2, 0, 4]}])"), HasSubstr("area"));
}

TEST_F(BoxesFile, IsRefusedWhereBoxesAreShares) {
  EXPECT_THAT(refusal(R"([{"file_name": "b.png", "bbox": [0.25, 0.1, 0.5, 0.9]},
                          {"file_name": "b.png", "bbox": [0, 0, 1, 1.0001]}])"),
              HasSubstr("multiply by the image's width and height"));
}

TEST_F(BoxesFile, IsRefusedWithTheEntryAndItsField) {
  const auto entry = [](const std::string& fields) {
    return R"([{"file_name": "b.png", "bbox": [1, 2, 3, 4]}, {)" + fields + "}]";
  };
  for (const auto& [fields, named] : std::vector<std::pair<std::string, std::string>>{
           {R"("bbox": [1, 2, 3, 4])", "image_id"},
           {R"("file_name": "b.png")", "bbox"},
           {R"("file_name": 3, "bbox": [1, 2, 3, 4])", "file_name"},
           {R"("file_name": null, "bbox": [1, 2, 3, 4])", "file_name"},
           {R"("file_name": "", "bbox": [1, 2, 3, 4])", "file_name"},
           {R"("image_id": null, "bbox": [1, 2, 3, 4])", "image_id"},
           {R"("image_id": 1.5, "bbox": [1, 2, 3, 4])", "image_id"},
           {R"("image_id": 1e300, "bbox": [1, 2, 3, 4])", "image_id"},
           {R"("image_id": [1], "bbox": [1, 2, 3, 4])", "image_id"},
           {R"("image_id": true, "bbox": [1, 2, 3, 4])", "image_id"},
           {R"("image_id": 1, "category_id": null, "bbox": [1, 2, 3, 4])", "category_id"},
           {R"("image_id": 1, "bbox": [1, 2, 3])", "bbox"},
           {R"("image_id": 1, "bbox": [1, 2, 3, 4, 5])", "bbox"},
           {R"("image_id": 1, "bbox": ["1", "2", "3", "4"])", "bbox"},
           {R"("image_id": 1, "bbox": [1, 2, null, 4])", "bbox"},
           {R"("image_id": 1, "bbox": null)", "bbox"},
           {R"("image_id": 1, "bbox": [1, 2, 1e99, 4])", "bbox"},
           {R"("image_id": 1, "bbox": [1, 2, 3, 4], "score": "high")", "score"},
           {R"("image_id": 1, "bbox": [1, 2, 3, 4], "score": null)", "score"},
           {R"("image_id": 1, "bbox": [1, 2, 3, 4], "score": 1e300)", "score"},
           {R"("image_id": 1, "bbox": [1, 2, 3, 4], "score": 1e999)", "1e999"},
           {R"("image_id": 1, "bbox": [1, 2, 3, NaN])", "NaN"},
           {R"("image_id": 1, "bbox": [1, 2, 3, -Infinity])", "Infinity"},
           {R"("image_id": 1, "image_id": 2, "bbox": [1, 2, 3, 4])", "`image_id` stands twice"}}) {
    EXPECT_THAT(refusal(entry(fields)), AllOf(HasSubstr("entry 1"), HasSubstr(named))) << fields;
  }
}

TEST_F(BoxesFile, IsRefusedWhereAnEntryIsNoObject) {
  for (const char* value : {"1", "null", "\"x\"", "[1]", "true", "[]", "[[{}]]"}) {
    const std::string message =
        refusal(fmt::format(R"([{{"file_name": "b.png", "bbox": [1, 2, 3, 4]}}, {}])", value));
    EXPECT_THAT(message, AllOf(HasSubstr("entry 1"), HasSubstr("not an object"))) << value;
  }
  EXPECT_THAT(refusal(R"({"images": [7], "annotations": []})"), HasSubstr("entry 0 of images"));
}

TEST_F(BoxesFile, IsRefusedWhenItIsSomethingElse) {
  for (const char* json :
       {"", "[", "7", "{}", "null", R"({"images": []})", R"({"images": 3, "annotations": []})",
        R"({"annotations": null})", R"({"annotations": {}})", R"({"annotations": "x"})",
        R"({"annotations": [], "annotations": []})", "[] []", "[\"\xff\"]",
        R"({"images": [{"id": 1, "file_name": "a"}, {"id": "01", "file_name": "b"}],
            "annotations": []})",
        R"({"images": [{"id": 1, "file_name": "a"}, {"id": 2, "file_name": "./a"}],
            "annotations": []})"}) {
    refusal(json);
  }
  EXPECT_THAT(refusal("[\n{\"file_name\": oops}]"), HasSubstr("line 2, column 15"));
  EXPECT_THAT(refusal("[{\"file_name\": \"a\nb\"}]"), HasSubstr("line 1, column 18"));
  EXPECT_THAT(refusal("[{\"bbox\": [" + std::string(1000, '9') + "]}]"),
              HasSubstr("9... of 1000 characters"));
  refusal("[" + std::string(100'000, '['));
  refusal("[]" + std::string(1, '\0') + "[]");
  EXPECT_EQ(error_code_of([&] { PersonBoxes::read(scratch_ / "none.json", images_); }),
            ErrorCode::NotFound);
  EXPECT_EQ(error_code_of([&] { PersonBoxes::read(scratch_.path(), images_); }),
            ErrorCode::CorruptFile);
  EXPECT_THAT(read("[]").of(input("b.png")).boxes, IsEmpty());
}

}  // namespace
}  // namespace sapiens::cli

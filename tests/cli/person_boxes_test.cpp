#include "person_boxes.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "support/scratch.hpp"

namespace sapiens::cli {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

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
  PersonBoxes read(const std::string& json) const {
    write_bytes(scratch_ / "boxes.json", json);
    return PersonBoxes::read(scratch_ / "boxes.json");
  }

  static InputFile input(const std::string& path) {
    return {.path = "photos/" + path, .name = path};
  }

  Scratch scratch_;
};

TEST_F(BoxesFile, IsAListByFileNameOrId) {
  const PersonBoxes boxes = read(R"([
    {"file_name": "a.jpg", "bbox": [1, 2, 3, 4], "score": 0.5},
    {"file_name": "deep/a.jpg", "bbox": [9, 9, 9, 9]},
    {"image_id": 139, "bbox": [5, 6, 7, 8], "category_id": 1},
    {"image_id": 139, "bbox": [5, 6, 7, 8], "category_id": 18},
    {"image_id": "b", "bbox": [0.5, 0, 2, 2]},
    {"file_name": "a.jpg", "bbox": [10, 20, 30, 40]}])");
  EXPECT_THAT(texts(boxes.of(input("a.jpg"))), ElementsAre("1 2 3 4 at 0.5", "10 20 30 40 at 1"));
  EXPECT_THAT(texts(boxes.of(input("deep/a.jpg"))), ElementsAre("9 9 9 9 at 1"));
  EXPECT_THAT(texts(boxes.of(input("000000000139.jpg"))), ElementsAre("5 6 7 8 at 1"));
  EXPECT_THAT(texts(boxes.of(input("b.png"))), ElementsAre("0.5 0 2 2 at 1"));
  EXPECT_THAT(texts(boxes.of(input("nobody.jpg"))), IsEmpty());
}

TEST_F(BoxesFile, IsTheAnnotationsOfCoco) {
  const PersonBoxes boxes = read(R"({
    "images": [{"id": 7, "file_name": "x.jpg"}, {"id": 8, "file_name": "y.jpg"}],
    "annotations": [{"image_id": 8, "bbox": [1, 2, 3, 4], "category_id": 1}]})");
  EXPECT_THAT(texts(boxes.of(input("y.jpg"))), ElementsAre("1 2 3 4 at 1"));
  EXPECT_THAT(texts(boxes.of(input("x.jpg"))), IsEmpty());
}

TEST_F(BoxesFile, IsRefusedWhenItIsSomethingElse) {
  for (const char* json : {"", "[", "7", "{}", R"(["a"])", R"([{"bbox": [1, 2, 3, 4]}])",
                           R"([{"file_name": "a.jpg", "bbox": [1, 2, 3]}])",
                           R"([{"file_name": "a.jpg", "bbox": [1, 2, 0, 4]}])",
                           R"([{"file_name": "a.jpg", "bbox": [1, 2, 1e99, 4]}])",
                           R"([{"file_name": 3, "bbox": [1, 2, 3, 4]}])",
                           R"([{"image_id": 1.5, "bbox": [1, 2, 3, 4]}])",
                           R"([{"image_id": 1, "bbox": [1, 2, 3, 4], "score": "high"}])",
                           R"({"images": 3, "annotations": [7]})"}) {
    EXPECT_THROW(read(json), Error) << json;
  }
  EXPECT_THROW(PersonBoxes::read(scratch_ / "none.json"), Error);
  EXPECT_THROW(PersonBoxes::read(scratch_.path()), Error);
}

}  // namespace
}  // namespace sapiens::cli

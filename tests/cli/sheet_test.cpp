#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sapiens/image.hpp>

#include "cli/program.hpp"

namespace sapiens {
namespace {

using testing::HasSubstr;

class Sheet : public testing::Test {
 protected:
  void image(const std::string& name, int seed = 1) { make_image(scratch_ / name, seed); }

  Finished sheet(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "sheet");
    arguments.insert(arguments.end(), {"--output", output_, "--json"});
    return run_sapiens(arguments);
  }

  Scratch scratch_;
  std::string output_ = scratch_ / "out/sheet.png";
};

TEST_F(Sheet, PutsResultsBesideTheirImages) {
  image("in/a.png");
  image("in/deep/b.jpg", 2);
  image("drawn/a.png", 3);
  image("drawn/deep/b.png", 4);
  const Finished run =
      sheet({scratch_ / "in", "as found=" + scratch_ / "drawn/", "--height", "64"});
  ASSERT_EQ(run.code, 0) << run.err;
  const Json document = run.json();
  EXPECT_EQ(document["columns"], (Json{"in", "as found"}));
  EXPECT_EQ(document["rows"], (Json{"a", "deep/b"}));
  EXPECT_EQ(document["missing"].size(), 0);
  const Image drawn = Image::read(output_);
  EXPECT_EQ(drawn.width, document["width"]);
  EXPECT_EQ(drawn.height, document["height"]);
  EXPECT_GT(drawn.height, 2 * 64);
}

TEST_F(Sheet, IsWrittenIntoTheFolderThatOneIsIn) {
  image("in/a.png");
  image("drawn/a.png", 3);
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(scratch_.path());
  for (const char* output : {"sheet.png", "./other.png", "new/sheet.png", "new/../third.png"}) {
    output_ = output;
    const Finished run = sheet({"in", "drawn"});
    EXPECT_EQ(run.code, 0) << output << run.err;
    EXPECT_TRUE(std::filesystem::exists(output));
  }
  std::filesystem::create_directories("folder.png");
  output_ = "folder.png";
  EXPECT_EQ(sheet({"in", "drawn"}).code, 5);
  std::filesystem::current_path(before);
}

TEST_F(Sheet, SaysWhichImagesItLeavesOut) {
  for (const char* name : {"in/a.png", "in/b.png", "in/.hidden.png", "drawn/a.png"}) image(name);
  const Finished run = sheet({scratch_ / "in", scratch_ / "drawn", "--rows", "1"});
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_EQ(run.json()["rows_left_out"], 1);
  EXPECT_EQ(run.json()["left_out"][0]["reason"], "hidden");
  EXPECT_THAT(run.err, HasSubstr("1 hidden file"));
}

TEST_F(Sheet, FindsNamesThatKeptTheirExtension) {
  image("in/a.jpg");
  image("drawn/a.jpg.png", 3);
  EXPECT_EQ(sheet({scratch_ / "in", scratch_ / "drawn"}).json()["missing"].size(), 0);
}

TEST_F(Sheet, FindsImagesAsCamerasNameThem) {
  image("drawn/a.png");
  image("photos/a.JPG", 3);
  EXPECT_EQ(sheet({scratch_ / "drawn", scratch_ / "photos"}).code, 0);
}

TEST_F(Sheet, SaysWhatIsMissingOrCannotBeRead) {
  image("in/a.png");
  image("in/b.png", 2);
  image("in/c.png", 3);
  image("drawn/a.png", 4);
  write_bytes(scratch_ / "drawn/c.png", "no image");
  const Finished run = sheet({scratch_ / "in", scratch_ / "drawn"});
  EXPECT_EQ(run.code, 1);
  EXPECT_EQ(run.json()["missing"], (Json{"drawn of b"}));
  EXPECT_THAT(run.json()["failed"].dump(), HasSubstr("c.png"));
  EXPECT_TRUE(std::filesystem::exists(output_));
}

TEST_F(Sheet, LimitsTheNumberOfRows) {
  for (const char* name : {"in/a.png", "in/b.png", "in/c.png"}) image(name);
  const Finished run = sheet({scratch_ / "in", "--rows", "2"});
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_EQ(run.json()["rows"].size(), 2);
  EXPECT_THAT(run.err, HasSubstr("only the first 2 of 3"));
}

TEST_F(Sheet, RefusesFoldersThatCannotBeColumns) {
  image("in/a.png");
  image("other/b.png");
  std::filesystem::create_directories(scratch_ / "empty");
  EXPECT_EQ(sheet({scratch_ / "nowhere"}).code, 4);
  EXPECT_EQ(sheet({scratch_ / "empty"}).code, 4);
  EXPECT_EQ(sheet({scratch_ / "in/a.png"}).code, 2);
  const Finished run = sheet({scratch_ / "in", scratch_ / "other"});
  EXPECT_EQ(run.code, 4);
  EXPECT_THAT(run.err, HasSubstr("a.png, for example"));
  EXPECT_FALSE(std::filesystem::exists(output_));
}

TEST_F(Sheet, ReplacesNoImageItShows) {
  image("in/a.png");
  output_ = scratch_ / "in/a.png";
  const std::string before = read_bytes(output_);
  EXPECT_EQ(sheet({scratch_ / "in"}).code, 2);
  EXPECT_TRUE(read_bytes(output_) == before);
  output_ = scratch_ / "sheet.jpg";
  EXPECT_EQ(sheet({scratch_ / "in"}).code, 2);
}

}  // namespace
}  // namespace sapiens

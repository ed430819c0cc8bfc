#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/run/jobs.hpp"
#include "support/scratch.hpp"

namespace sapiens::cli {
namespace {

using testing::ElementsAre;

std::vector<std::string> stems(const std::vector<std::string>& names) {
  std::vector<InputFile> files;
  for (const std::string& name : names) files.push_back({"somewhere/" + name, name});
  std::vector<std::string> result;
  for (const OutputName& output : plan_outputs(files)) result.push_back(output.stem.string());
  return result;
}

TEST(Outputs, LoseTheExtensionAndKeepTheFolder) {
  EXPECT_THAT(stems({"a.jpg", "deep/a.jpg"}), ElementsAre("a", "deep/a"));
}

TEST(Outputs, KeepTheExtensionWhereTwoWouldBeOne) {
  EXPECT_THAT(stems({"a.jpg", "b.jpg", "a.png"}), ElementsAre("a.jpg", "b", "a.png"));
}

TEST(Outputs, AreNumberedWhereEvenTheExtensionIsEqual) {
  EXPECT_THAT(stems({"a.jpg", "a.jpg", "a.jpg"}), ElementsAre("a.jpg", "a.jpg.2", "a.jpg.3"));
}

TEST(Outputs, NeverTakeANameThatAnotherInputHasForItself) {
  EXPECT_THAT(stems({"a.jpg", "a.png", "a.jpg.png"}), ElementsAre("a.jpg.2", "a.png", "a.jpg"));
}

TEST(Outputs, AVideoHasAFolderOfItsOwn) {
  const std::vector<InputFile> files = {{.path = "clip.mp4", .name = "clip.mp4", .video = true},
                                        {.path = "clip/000000.png", .name = "clip/000000.png"},
                                        {.path = "walk.mp4", .name = "walk.mp4", .video = true}};
  const std::vector<OutputName> names = plan_outputs(files);
  EXPECT_EQ(names[0].stem, "clip.mp4");
  EXPECT_TRUE(names[0].distinguished);
  EXPECT_EQ(names[1].stem, "clip/000000");
  EXPECT_EQ(names[2].stem, "walk");
}

TEST(Outputs, ParentFoldersAreCreatedWhereThereAreSome) {
  create_parent("sheet.png");
  const Scratch scratch;
  create_parent(scratch / "new/deep/sheet.png");
  EXPECT_TRUE(std::filesystem::is_directory(scratch / "new/deep"));
}

TEST(Outputs, MayNotReplaceAnInput) {
  const Scratch scratch;
  const std::vector<InputFile> files = {{scratch / "a.npy", "a.npy"}};
  const std::vector<std::filesystem::path> outputs = {scratch / "deep/../a.npy"};
  EXPECT_THROW(expect_no_input_among(outputs, files), Error);
}

TEST(OutputFolder, IsCreatedAndLeftEmpty) {
  const Scratch scratch;
  prepare_output_folder(scratch / "new/folder");
  EXPECT_TRUE(std::filesystem::is_empty(scratch / "new/folder"));
}

TEST(OutputFolder, AFileInPlaceOfTheFolderIsRefused) {
  const Scratch scratch;
  write_bytes(scratch / "file", "");
  try {
    prepare_output_folder(scratch / "file");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::WriteFailed);
  }
}

}  // namespace
}  // namespace sapiens::cli

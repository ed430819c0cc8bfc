#include "inputs.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "support/scratch.hpp"

namespace sapiens::cli {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class InputFiles : public testing::Test {
 protected:
  void touch(const std::string& name) { write_bytes(scratch_ / name, ""); }

  Inputs collect(const std::vector<std::string>& arguments, bool recursive = false,
                 const std::string& standard_input = "") {
    std::istringstream lines(standard_input);
    return collect_inputs(arguments, {.recursive = recursive, .output = scratch_ / "out"}, lines);
  }

  std::vector<std::string> names(const Inputs& inputs) {
    std::vector<std::string> result;
    for (const InputFile& file : inputs.files) result.push_back(file.name.string());
    return result;
  }

  Scratch scratch_;
};

TEST_F(InputFiles, OfAFolderArePicturesAndArraysInOrder) {
  for (const char* name : {"in/b.JPG", "in/a.png", "in/c.jpeg", "in/d.WebP", "in/e.npy",
                           "in/notes.md", "in/.hidden.png", "in/deep/f.png"}) {
    touch(name);
  }
  EXPECT_THAT(names(collect({scratch_ / "in"})),
              ElementsAre("a.png", "b.JPG", "c.jpeg", "d.WebP", "e.npy"));
}

TEST_F(InputFiles, OfAFolderAreNotTheLabelsBesideAPicture) {
  for (const char* name :
       {"in/a.jpg", "in/a_seg.png", "in/b_seg.png", "in/c.png", "in/c_seg.jpg"}) {
    touch(name);
  }
  EXPECT_THAT(names(collect({scratch_ / "in"})),
              ElementsAre("a.jpg", "b_seg.png", "c.png", "c_seg.jpg"));
  EXPECT_THAT(names(collect({scratch_ / "in/a_seg.png"})), ElementsAre("a_seg.png"))
      << "who names a file wants it";
}

TEST_F(InputFiles, KeepTheirPlaceBelowTheFolder) {
  touch("in/a.png");
  touch("in/deep/a.png");
  touch("in/.git/b.png");
  EXPECT_THAT(names(collect({scratch_ / "in"}, true)), ElementsAre("a.png", "deep/a.png"));
}

TEST_F(InputFiles, AreTakenOnce) {
  touch("in/a.png");
  EXPECT_THAT(names(collect({scratch_ / "in", scratch_ / "in/a.png", scratch_ / "in/../in/a.png"})),
              ElementsAre("a.png"));
}

TEST_F(InputFiles, OfAListFromWindowsAreFound) {
  touch("in/a.png");
  touch("in/b.png");
  write_bytes(scratch_ / "in/list.txt",
              "\xef\xbb\xbf"
              "a.png\r\n\r\nb.png\r\n");
  EXPECT_THAT(names(collect({scratch_ / "in/list.txt"})), ElementsAre("a.png", "b.png"));
}

TEST_F(InputFiles, ThatCannotBeReadSayWhy) {
  std::filesystem::create_symlink("loop.png", scratch_ / "loop.png");
  const Inputs inputs = collect({scratch_ / "loop.png"});
  ASSERT_EQ(inputs.failed.size(), 1u);
  EXPECT_EQ(inputs.failed[0].error.detail().actual, "Too many levels of symbolic links");
}

TEST_F(InputFiles, OfAListAreFoundFromItsFolderAndCommentsSkipped) {
  touch("in/a.png");
  write_bytes(scratch_ / "in/list.txt", "# pictures\n\n  a.png \r\nmissing.png\n");
  const Inputs inputs = collect({scratch_ / "in/list.txt"});
  EXPECT_THAT(names(inputs), ElementsAre("a.png"));
  ASSERT_EQ(inputs.failed.size(), 1u);
  EXPECT_EQ(inputs.failed[0].path, "missing.png");
}

TEST_F(InputFiles, OfStandardInputAreAList) {
  touch("in/a.png");
  touch("in/b.png");
  EXPECT_THAT(names(collect({"-"}, false, scratch_ / "in/b.png" + "\n" + (scratch_ / "in/a.png"))),
              ElementsAre("b.png", "a.png"));
}

TEST_F(InputFiles, OfAListInsideAListAreNotFollowed) {
  write_bytes(scratch_ / "loop.txt", "loop.txt\n");
  EXPECT_THAT(names(collect({scratch_ / "loop.txt"})), ElementsAre("loop.txt"));
}

TEST_F(InputFiles, ThatDoNotExistAreFailures) {
  const Inputs inputs = collect({scratch_ / "nothing.png"});
  EXPECT_THAT(inputs.files, IsEmpty());
  ASSERT_EQ(inputs.failed.size(), 1u);
  EXPECT_EQ(inputs.failed[0].error.code(), ErrorCode::NotFound);
}

TEST_F(InputFiles, AreNotSearchedInTheOutputFolder) {
  touch("a.png");
  touch("out/a.npy");
  EXPECT_THAT(names(collect({scratch_.path().string()}, true)), ElementsAre("a.png"));
  EXPECT_THROW(collect({scratch_ / "out"}), Error);
}

TEST_F(InputFiles, LinkedFoldersAreNotFollowed) {
  touch("in/a.png");
  std::filesystem::create_directory_symlink(scratch_ / "in", scratch_ / "in/again");
  EXPECT_THAT(names(collect({scratch_ / "in"}, true)), ElementsAre("a.png"));
}

}  // namespace
}  // namespace sapiens::cli

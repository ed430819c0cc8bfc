#include "cli/input/inputs.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <sstream>

#include "support/scratch.hpp"

namespace sapiens::cli {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::IsEmpty;

class InputFiles : public testing::Test {
 protected:
  void touch(const std::string& name) { write_bytes(scratch_ / name, ""); }

  Inputs collect(const std::vector<std::string>& arguments, bool recursive = false,
                 const std::string& standard_input = "") {
    std::istringstream lines(standard_input);
    return collect_inputs(
        arguments, {.recursive = recursive, .arrays = true, .output = scratch_ / "out"}, lines);
  }

  std::vector<std::string> names(const Inputs& inputs) {
    std::vector<std::string> result;
    for (const InputFile& file : inputs.files) result.push_back(file.name.string());
    return result;
  }

  /// "hidden 2", in the order of the reasons.
  static std::vector<std::string> left_out(const Inputs& inputs) {
    std::vector<std::string> result;
    for (const Json& entry : left_out_json(inputs.left_out)) {
      result.push_back(entry["reason"].get<std::string>() + " " + entry["count"].dump());
    }
    return result;
  }

  Scratch scratch_;
};

TEST_F(InputFiles, AFolderGivesItsImagesAndArraysInOrder) {
  for (const char* name : {"in/b.JPG", "in/a.png", "in/c.jpeg", "in/d.WebP", "in/e.npy",
                           "in/notes.md", "in/.hidden.png", "in/deep/f.png"}) {
    touch(name);
  }
  EXPECT_THAT(names(collect({scratch_ / "in"})),
              ElementsAre("a.png", "b.JPG", "c.jpeg", "d.WebP", "e.npy"));
}

TEST_F(InputFiles, LabelsBesideAnImageAreSkipped) {
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

TEST_F(InputFiles, AListFromWindowsIsRead) {
  touch("in/a.png");
  touch("in/b.png");
  write_bytes(scratch_ / "in/list.txt",
              "\xef\xbb\xbf"
              "a.png\r\n\r\nb.png\r\n");
  EXPECT_THAT(names(collect({scratch_ / "in/list.txt"})), ElementsAre("a.png", "b.png"));
}

TEST_F(InputFiles, UnreadableInputsSayWhy) {
  std::filesystem::create_symlink("loop.png", scratch_ / "loop.png");
  const Inputs inputs = collect({scratch_ / "loop.png"});
  ASSERT_EQ(inputs.failed.size(), 1u);
  EXPECT_EQ(inputs.failed[0].error.detail().actual, "Too many levels of symbolic links");
}

TEST_F(InputFiles, AListIsRelativeToItsFolderAndMayHaveComments) {
  touch("in/a.png");
  write_bytes(scratch_ / "in/list.txt", "# images\n\n  a.png \r\nmissing.png\n");
  const Inputs inputs = collect({scratch_ / "in/list.txt"});
  EXPECT_THAT(names(inputs), ElementsAre("a.png"));
  ASSERT_EQ(inputs.failed.size(), 1u);
  EXPECT_EQ(inputs.failed[0].path, "missing.png");
}

TEST_F(InputFiles, AListThatIsAPipeIsNotWaitedFor) {
  ASSERT_EQ(::mkfifo((scratch_ / "list.txt").c_str(), 0600), 0);
  const Inputs inputs = collect({scratch_ / "list.txt"});
  ASSERT_EQ(inputs.failed.size(), 1u);
  EXPECT_EQ(inputs.failed[0].error.detail().summary, "this is a device or a pipe, not a file");
}

TEST_F(InputFiles, StandardInputIsAList) {
  touch("in/a.png");
  touch("in/b.png");
  EXPECT_THAT(names(collect({"-"}, false, scratch_ / "in/b.png" + "\n" + (scratch_ / "in/a.png"))),
              ElementsAre("b.png", "a.png"));
}

TEST_F(InputFiles, AListInsideAListIsNotFollowed) {
  write_bytes(scratch_ / "loop.txt", "loop.txt\n");
  EXPECT_THAT(names(collect({scratch_ / "loop.txt"})), ElementsAre("loop.txt"));
}

TEST_F(InputFiles, MissingInputsAreFailures) {
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

TEST_F(InputFiles, ALinkedFolderIsSearchedUnderItsName) {
  touch("in/a.png");
  touch("elsewhere/b.png");
  touch("elsewhere/deep/c.png");
  fs::create_directory_symlink(scratch_ / "elsewhere", scratch_ / "in/train");
  fs::create_directory_symlink("../elsewhere", scratch_ / "in/val");
  EXPECT_THAT(
      names(collect({scratch_ / "in"}, true)),
      ElementsAre("a.png", "train/b.png", "train/deep/c.png", "val/b.png", "val/deep/c.png"));
}

TEST_F(InputFiles, LinksThatLeadBackEndTheSearch) {
  touch("in/a.png");
  touch("in/deep/b.png");
  fs::create_directory_symlink(scratch_ / "in", scratch_ / "in/again");
  fs::create_directory_symlink("..", scratch_ / "in/deep/up");
  fs::create_directory_symlink(".", scratch_ / "in/deep/here");
  const Inputs inputs = collect({scratch_ / "in"}, true);
  EXPECT_THAT(names(inputs), ElementsAre("a.png", "deep/b.png"));
  EXPECT_THAT(left_out(inputs), ElementsAre("loop 3"));
}

TEST_F(InputFiles, LinksFromFolderToFolderEndTheSearch) {
  touch("in/x/a.png");
  touch("in/y/b.png");
  fs::create_directory_symlink("../y", scratch_ / "in/x/other");
  fs::create_directory_symlink("../x", scratch_ / "in/y/other");
  EXPECT_THAT(names(collect({scratch_ / "in"}, true)),
              ElementsAre("x/a.png", "x/other/b.png", "y/b.png", "y/other/a.png"));
}

TEST_F(InputFiles, FoldersThatAllLinkToEachOtherAreRefused) {
  for (int from = 0; from < 12; ++from) {
    const std::string folder = scratch_ / ("in/" + std::to_string(from));
    fs::create_directories(folder);
    for (int to = 0; to < 12; ++to) {
      fs::create_directory_symlink("../" + std::to_string(to), folder + "/" + std::to_string(to));
    }
  }
  EXPECT_THROW(collect({scratch_ / "in"}, true), Error);
}

TEST_F(InputFiles, AreNamesAndNotWhatTheyLinkTo) {
  touch("blobs/x");
  for (const char* name : {"a.jpg", "b.jpg"}) {
    fs::create_directories(scratch_ / "snap");
    fs::create_symlink("../blobs/x", scratch_ / "snap/" + name);
  }
  touch("hard/a.jpg");
  fs::create_hard_link(scratch_ / "hard/a.jpg", scratch_ / "hard/b.jpg");
  fs::create_directory_symlink("hard", scratch_ / "also");
  EXPECT_THAT(names(collect({scratch_ / "snap", scratch_ / "hard", scratch_ / "also"})),
              ElementsAre("a.jpg", "b.jpg", "a.jpg", "b.jpg", "a.jpg", "b.jpg"));
}

TEST_F(InputFiles, GivenTwiceAreTakenOnceAndCounted) {
  touch("in/a.png");
  touch("x/deep/a.png");
  touch("x/a.png");
  fs::create_directory_symlink("../x/deep", scratch_ / "in/link");
  const Inputs inputs = collect({scratch_ / "in", scratch_ / "in/./a.png", scratch_ / "in//a.png",
                                 // This is not in/a.png, although it looks like it.
                                 scratch_ / "in/link/../a.png", scratch_ / "x/a.png"});
  ASSERT_EQ(inputs.files.size(), 2u);
  EXPECT_EQ(fs::canonical(inputs.files[1].path), fs::canonical(scratch_ / "x/a.png"));
  EXPECT_THAT(left_out(inputs), ElementsAre("repeated 3", "folder 1"));
}

TEST_F(InputFiles, FoldersOfFramesKeepTheNameOfTheirLink) {
  touch("shots/0.png");
  fs::create_directory_symlink("shots", scratch_ / "walk");
  std::istringstream no_list;
  const std::vector<std::string> folders = {scratch_ / "walk/", scratch_ / "shots",
                                            scratch_ / "walk"};
  const Inputs inputs =
      collect_inputs(folders, {.folders_are_videos = true, .output = "out"}, no_list);
  EXPECT_THAT(names(inputs), ElementsAre("walk", "shots"));
  EXPECT_THAT(left_out(inputs), ElementsAre("repeated 1"));
}

TEST_F(InputFiles, WhateverIsLeftOutIsCounted) {
  for (const char* name : {"in/a.jpg", "in/a_seg.png", "in/notes.md", "in/data.csv",
                           "in/.hidden.png", "in/.git/b.png", "in/deep/c.png"}) {
    touch(name);
  }
  fs::create_symlink("nowhere", scratch_ / "in/broken");
  ASSERT_EQ(::mkfifo((scratch_ / "in/pipe").c_str(), 0600), 0);
  const Inputs inputs = collect({scratch_ / "in"});
  EXPECT_THAT(names(inputs), ElementsAre("a.jpg"));
  EXPECT_THAT(left_out(inputs),
              ElementsAre("hidden 2", "folder 1", "labels 1", "other-kind 3", "broken-link 1"));
  EXPECT_THAT(left_out_lines(inputs.left_out).front(), testing::HasSubstr("2 hidden files"));
}

TEST_F(InputFiles, BrokenLinksToImagesFailWhenTheyAreRead) {
  fs::create_directories(scratch_ / "in");
  fs::create_symlink("nowhere", scratch_ / "in/a.jpg");
  EXPECT_THAT(names(collect({scratch_ / "in"})), ElementsAre("a.jpg"));
}

TEST_F(InputFiles, AreCalledAsProgramsCallThem) {
  for (const char* name :
       {"in/a.jfif", "in/b.JPE", "in/c.jpeg", "in/d.PNG", "in/e.webp", "in/f.pjpeg", "in/g.JPG"}) {
    touch(name);
  }
  EXPECT_EQ(collect({scratch_ / "in"}).files.size(), 7u);
}

TEST_F(InputFiles, ANulSeparatedListIsReadCompletely) {
  for (const char* name : {"in/a.png", "in/ b.png ", "in/#c.png", "in/two\nlines.png"}) touch(name);
  using namespace std::string_literals;
  const std::string list = "a.png\0 b.png \0#c.png\0two\nlines.png\0"s;
  write_bytes(scratch_ / "in/list.txt", list);
  EXPECT_THAT(names(collect({scratch_ / "in/list.txt"})),
              ElementsAre("a.png", " b.png ", "#c.png", "two\nlines.png"));
  EXPECT_EQ(collect({"-"}, false, (scratch_ / "in/a.png") + "\0"s + (scratch_ / "none.png") + "\0"s)
                .failed.size(),
            1u);
}

TEST_F(InputFiles, AListThatMixesLinesAndNulBytesIsRefused) {
  touch("in/a.png");
  touch("in/b.png");
  using namespace std::string_literals;
  for (const std::string& list : {"a.png\nb.png\0"s, "a.png\0b.png\n"s, "a.png\nb.p\0ng\n"s}) {
    write_bytes(scratch_ / "in/list.txt", list);
    try {
      collect({scratch_ / "in/list.txt"});
      ADD_FAILURE() << testing::PrintToString(list);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::CorruptFile);
      EXPECT_EQ(error.detail().key, "line 1");
    }
  }
}

TEST_F(InputFiles, NamesOfAListMayBeginWithANumberSignOrASpace) {
  for (const char* name : {"in/#1.png", "in/ b.png", "in/c.png"}) touch(name);
  write_bytes(scratch_ / "in/list.txt", "#1.png\n b.png\n  c.png\t\n#c.png is a comment\n");
  const Inputs inputs = collect({scratch_ / "in/list.txt"});
  EXPECT_THAT(names(inputs), ElementsAre("#1.png", " b.png", "c.png"));
  EXPECT_THAT(left_out(inputs), ElementsAre("comment 1"));
}

TEST_F(InputFiles, AnUnreadableListSaysWhy) {
  fs::create_directories(scratch_ / "in");
  std::ifstream folder(scratch_ / "in");
  const Inputs inputs = collect_inputs(std::vector<std::string>{"-"}, {.output = "out"}, folder);
  ASSERT_EQ(inputs.failed.size(), 1u);
  EXPECT_EQ(inputs.failed[0].error.detail().actual, "Is a directory");
}

}  // namespace
}  // namespace sapiens::cli

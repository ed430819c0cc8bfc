#include "cli/input/json_file.hpp"

#include <gtest/gtest.h>

#include "support/scratch.hpp"

namespace sapiens::cli {
namespace {

TEST(JsonFile, AppearsWholeOrNotAtAll) {
  const Scratch scratch;
  const std::string path = scratch / "a.json";
  const std::string long_text(300'000, 'x');  // more than goes to the file at once
  write_json(path, {{"text", long_text}, {"name", "\u202e\xff"}}, "not written");
  const Json read = Json::parse(read_bytes(path));
  EXPECT_EQ(read["text"], long_text);
  EXPECT_EQ(read["name"], "\u202e\ufffd");
  EXPECT_EQ(read_bytes(path).find("\u202e"), std::string::npos);

  const std::string before = read_bytes(path);
  const auto fail = [&](const Append& append) {
    append(long_text);
    throw Error(ErrorCode::InvalidArgument, {.summary = "half way"});
  };
  EXPECT_THROW(write_json_parts(path, "not written", fail), Error);
  EXPECT_EQ(read_bytes(path), before);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(scratch.path()), {}), 1);
}

TEST(JsonFile, ReplacesNoFolderAndNoDevice) {
  const Scratch scratch;
  std::filesystem::create_directory(scratch / "empty");
  for (const std::string& path : {scratch / "empty", std::string("/dev/null")}) {
    for (const bool probe : {false, true}) {
      try {
        probe ? expect_json_writable(path, "not written") : write_json(path, {}, "not written");
        ADD_FAILURE() << path;
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::WriteFailed);
        EXPECT_EQ(error.detail().summary, "not written");
        EXPECT_EQ(error.detail().file, path);
      }
    }
  }
  EXPECT_TRUE(std::filesystem::is_directory(scratch / "empty"));
}

TEST(JsonFile, TheWriteTestLeavesNoFile) {
  const Scratch scratch;
  expect_json_writable(scratch / "a.json", "not written");
  EXPECT_TRUE(std::filesystem::is_empty(scratch.path()));
}

}  // namespace
}  // namespace sapiens::cli

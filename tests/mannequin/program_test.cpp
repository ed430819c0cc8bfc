#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>

#include "support/scratch.hpp"

namespace mannequin {
namespace {

using sapiens::read_bytes;
using sapiens::Scratch;

/// The exit code; what was said is in `said` of the folder.
int run(const Scratch& scratch, const std::string& arguments) {
  const std::string command =
      fmt::format("'{}' {} > '{}' 2>&1", MANNEQUIN_PROGRAM, arguments, scratch / "said");
  return WEXITSTATUS(std::system(command.c_str()));
}

TEST(Program, WritesWhatItIsAskedFor) {
  const Scratch scratch;
  const std::string folder = scratch / "new/folder";
  ASSERT_EQ(run(scratch, fmt::format("-o '{}' -n 2 --size 32x48", folder)), 0);
  EXPECT_EQ(read_bytes(scratch / "said"), "");
  EXPECT_TRUE(std::filesystem::exists(folder + "/annotations.json"));
  EXPECT_TRUE(std::filesystem::exists(folder + "/000001_seg.png"));
}

TEST(Program, RefusesInvalidArguments) {
  const Scratch scratch;
  const std::string output = fmt::format("-o '{}' ", scratch / "out");
  for (const char* words :
       {"--size 0x5", "--size 192", "--size 192x256x3", "--size 99999x9", "--count 0", "--first -1",
        "--seed -1", "--layout zip", "--layout sheet --count 100000", "--view side"}) {
    EXPECT_EQ(run(scratch, output + words), 2) << words;
    EXPECT_THAT(read_bytes(scratch / "said"), testing::Not(testing::IsEmpty())) << words;
  }
  EXPECT_EQ(run(scratch, "--count 3"), 2);
  EXPECT_EQ(run(scratch, "-o /dev/null/people"), 5);
}

TEST(Program, LeavesNothingHalfWrittenWhenInterrupted) {
  const Scratch scratch;
  const std::string output = scratch / "out";
  const std::string command =
      fmt::format("timeout -s INT 1 '{}' -o '{}' -n 1000000 --size 32x48 --layout arrays 2> '{}'",
                  MANNEQUIN_PROGRAM, output, scratch / "said");
  EXPECT_NE(std::system(command.c_str()), 0);
  EXPECT_THAT(read_bytes(scratch / "said"), testing::HasSubstr("interrupted"));
  EXPECT_TRUE(std::filesystem::is_empty(output));
}

TEST(Program, ShowsAnExampleInItsHelp) {
  const Scratch scratch;
  ASSERT_EQ(run(scratch, "--help"), 0);
  EXPECT_THAT(read_bytes(scratch / "said"), testing::HasSubstr("Example:\n  mannequin --output"));
}

}  // namespace
}  // namespace mannequin

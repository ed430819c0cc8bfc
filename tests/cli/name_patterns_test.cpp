#include "cli/input/name_patterns.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "support/error_code_of.hpp"
#include "support/scratch.hpp"

namespace sapiens::cli {
namespace {

using testing::ElementsAre;

TEST(NamePatterns, BracesStandForNumbersAndParts) {
  EXPECT_THAT(expand_pattern("s-{008..011}.tar"),
              ElementsAre("s-008.tar", "s-009.tar", "s-010.tar", "s-011.tar"));
  EXPECT_THAT(expand_pattern("{8..11}"), ElementsAre("8", "9", "10", "11"));
  EXPECT_THAT(expand_pattern("{2..0}"), ElementsAre("2", "1", "0"));
  EXPECT_THAT(expand_pattern("{a,b{1..2},}.{x,y}"),
              ElementsAre("a.x", "a.y", "b1.x", "b1.y", "b2.x", "b2.y", ".x", ".y"));
}

TEST(NamePatterns, OtherBracesAreCharactersOfTheName) {
  for (const std::string name :
       {"{a}.jpg", "{1..x}", "{", "}{", "{1..2", "{}", "{..}", "{-1..2}"}) {
    EXPECT_THAT(expand_pattern(name), ElementsAre(name));
  }
  EXPECT_THAT(expand_pattern("{x{1..2}"), ElementsAre("{x1", "{x2"));
}

TEST(NamePatterns, StarsStandForFilesThatExist) {
  const Scratch scratch;
  for (const char* name : {"b.tar", "a.tar", "a.txt", "[x].tar", "{1..2}.tar"}) {
    write_bytes(scratch / name, "");
  }
  EXPECT_THAT(expand_pattern(scratch / "[ab].tar"),
              ElementsAre(scratch / "a.tar", scratch / "b.tar"));
  EXPECT_THAT(expand_pattern(scratch / "{a,b,c}.t?r"),
              ElementsAre(scratch / "a.tar", scratch / "b.tar", scratch / "c.t?r"))
      << "what matches nothing is reported under its name";
  EXPECT_THAT(expand_pattern(scratch / "[x].tar"), ElementsAre(scratch / "[x].tar"));
  EXPECT_THAT(expand_pattern(scratch / "{1..2}.tar"), ElementsAre(scratch / "{1..2}.tar"))
      << "a file of this name exists";
}

TEST(NamePatterns, TooManyNamesAreRefused) {
  EXPECT_EQ(expand_pattern("{1..1000}{1..1000}").size(), kMaxPatternNames);
  for (const char* pattern :
       {"{0..1000000}", "{0..4294967295}", "{1..1000}{0..1000}", "{{1..600000},{1..600000}}"}) {
    EXPECT_EQ(error_code_of([&] { expand_pattern(pattern); }), ErrorCode::InvalidArgument)
        << pattern;
  }
}

TEST(NamePatterns, AMillionLongNamesAreTooManyBytes) {
  const std::string wide = "{1.." + std::string(1000, '0') + "1000000}";
  for (const std::string& pattern : {std::string(1000, 'a') + "{1..1000000}", wide}) {
    EXPECT_EQ(error_code_of([&] { expand_pattern(pattern); }), ErrorCode::InvalidArgument);
  }
  std::string chain;  // in which every part would copy all names once more
  for (int i = 0; i < 500; ++i) chain += "{1..1}";
  EXPECT_EQ(error_code_of([&] { expand_pattern(chain + "{1..1000000}"); }),
            ErrorCode::InvalidArgument);
}

}  // namespace
}  // namespace sapiens::cli

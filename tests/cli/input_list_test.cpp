#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sapiens/error.hpp>

#include "cli/input/inputs.hpp"

namespace sapiens::cli {
namespace {

using namespace std::string_literals;
using testing::ElementsAre;

std::vector<std::string> names(const std::string& text) {
  std::vector<std::string> result;
  for (const ListedName& name : parse_input_list(text, "list").names) result.push_back(name.text);
  return result;
}

TEST(InputList, HasOneNamePerLine) {
  EXPECT_THAT(names("a.jpg\nb c.jpg\n\nd.jpg"), ElementsAre("a.jpg", "b c.jpg", "d.jpg"));
}

TEST(InputList, NulSeparatedListsHaveOneNamePerNul) {
  EXPECT_THAT(names("l/a.jpg\0l/b c.jpg\0l/d.jpg\0"s),
              ElementsAre("l/a.jpg", "l/b c.jpg", "l/d.jpg"));
  EXPECT_THAT(names("one.jpg\0"s), ElementsAre("one.jpg"));
  EXPECT_THAT(names("a.jpg\0b.jpg"s), ElementsAre("a.jpg", "b.jpg")) << "no separator at the end";
  EXPECT_THAT(names("a.jpg\0\0b.jpg\0"s), ElementsAre("a.jpg", "b.jpg"));
}

TEST(InputList, KeepsEveryByteOfNamesBetweenNuls) {
  EXPECT_THAT(names(" a.jpg \0#b.jpg\0two\nlines.jpg\0c\r\0"s),
              ElementsAre(" a.jpg ", "#b.jpg", "two\nlines.jpg", "c\r"));
}

TEST(InputList, CountsLines) {
  const InputList list = parse_input_list("a\n\nb\nc", "list");
  ASSERT_EQ(list.names.size(), 3u);
  EXPECT_EQ(list.names[1].line, 3u);
  EXPECT_EQ(list.names[2].line, 4u);
}

TEST(InputList, Utf16IsRefused) {
  for (const std::string& text :
       {"\xff\xfe"s + "a\0.\0j\0p\0g\0\n\0"s, "\xfe\xff\0a\0.\0j\0p\0g"s, "a\0.\0j\0p\0g\0\n\0"s,
        "\0a\0.\0j\0p\0g\0\n"s, "a\0\0\0.\0\0\0j\0\0\0"s}) {
    try {
      parse_input_list(text, "list.txt");
      ADD_FAILURE() << testing::PrintToString(text);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::UnsupportedFormat);
      EXPECT_EQ(error.detail().file, "list.txt");
      EXPECT_THAT(error.detail().hint, testing::HasSubstr("iconv"));
    }
  }
}

TEST(InputList, LinesMayMeanSeveralNames) {
  EXPECT_THAT(spellings_of_line("a.jpg"), ElementsAre("a.jpg"));
  EXPECT_THAT(spellings_of_line("a.jpg\r"), ElementsAre("a.jpg\r", "a.jpg"));
  EXPECT_THAT(spellings_of_line(" a.jpg \r"), ElementsAre(" a.jpg \r", " a.jpg ", "a.jpg"));
  EXPECT_THAT(spellings_of_line(" \t\r"), testing::IsEmpty());
}

}  // namespace
}  // namespace sapiens::cli

#include "sapiens/printable.hpp"

#include <gtest/gtest.h>

#include <string>

#include "sapiens/error.hpp"

namespace sapiens {
namespace {

using namespace std::string_literals;

TEST(Printable, SpellsOutWhatSteersATerminal) {
  EXPECT_EQ(printable("a\x1b[31mb"), "a\\x1b[31mb");
  EXPECT_EQ(printable("a\r\nb\tc"), "a\\r\\nb\\tc");
  EXPECT_EQ(printable("a\0b\x07\x7f"s), "a\\x00b\\x07\\x7f");
  EXPECT_EQ(printable("\u009b2J"), "\\u009b2J");                        // CSI in one character
  EXPECT_EQ(printable("\u0085\u2028\u2029"), "\\u0085\\u2028\\u2029");  // line breaks
}

TEST(Printable, SpellsOutWhatHidesOrTurnsText) {
  for (const auto& [text, spelled] :
       {std::pair{"\u202egpj.exe", "\\u202egpj.exe"}, std::pair{"\u2066x\u2069", "\\u2066x\\u2069"},
        std::pair{"\u200e\u200f\u061c", "\\u200e\\u200f\\u061c"},
        std::pair{"a\u200bb\ufeff", "a\\u200bb\\ufeff"}, std::pair{"\U000e0041", "\\U000e0041"}}) {
    EXPECT_EQ(printable(text), spelled);
  }
}

TEST(Printable, SpellsOutBytesThatAreNotUtf8) {
  EXPECT_EQ(printable("a\xff\x9bz"), "a\\xff\\x9bz");  // a lone C1 byte too
  EXPECT_EQ(printable("\xc0\x9b"), "\\xc0\\x9b");      // longer than it has to be
  EXPECT_EQ(printable("\xe0\x82\x9b"), "\\xe0\\x82\\x9b");
  EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80");  // half of a pair of UTF-16
  EXPECT_EQ(printable("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");
  EXPECT_EQ(printable("\xe2\x82"), "\\xe2\\x82");  // cut off
  EXPECT_EQ(printable("\xe2\x82\u00e9"), "\\xe2\\x82\u00e9");
}

TEST(Printable, KeepsLettersOfAllLanguages) {
  const std::string text = "Grüße, 写真 · фото — صورة \U0001f642 \\n 100 %";
  EXPECT_EQ(printable(text), text);
  EXPECT_EQ(printable_lines(text), text);
  EXPECT_EQ(printable_json(text), text);
}

TEST(Printable, DoesNothingTwice) {
  const std::string once = printable("a\x1b\u202e\xff\n");
  EXPECT_EQ(printable(once), once);
}

TEST(Printable, LinesKeepTheirBreaks) {
  EXPECT_EQ(printable_lines("a\n\tb\rc\x1b"), "a\n\tb\\rc\\x1b");
}

TEST(Printable, JsonStaysJson) {
  EXPECT_EQ(printable_json("{\n\"a\": \"\u009b\u202e\x7f\"}"),
            "{\n\"a\": \"\\u009b\\u202e\\u007f\"}");
  EXPECT_EQ(printable_json("\"\U000e0041\""), "\"\\udb40\\udc41\"");
  EXPECT_EQ(printable_json("\"\xff\""), "\"\\ufffd\"");
}

TEST(ErrorText, HoldsNoLineThatCameWithAName) {
  const Error error(ErrorCode::NotFound, {.summary = "first\n  second\nthird",
                                          .file = "a\nerror[internal]: \x1b[2J",
                                          .key = "k\r\u202e"});
  EXPECT_STREQ(error.what(),
               "[not-found] first\n  second\\nthird\n"
               "  file:     a\\nerror[internal]: \\x1b[2J\n"
               "  key:      k\\r\\u202e");
  EXPECT_EQ(error.detail().key, "k\r\u202e");  // what programs read is untouched
}

}  // namespace
}  // namespace sapiens

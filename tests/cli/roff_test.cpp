#include <gtest/gtest.h>

#include "cli/shell/man_page.hpp"

namespace sapiens::cli {
namespace {

TEST(Roff, TextKeepsCharactersThatMeanSomethingThere) {
  EXPECT_EQ(roff_text("a\\b"), "a\\eb");
  EXPECT_EQ(roff_text("--out-type"), "\\-\\-out\\-type");
  EXPECT_EQ(roff_text("~/.cache"), "\\(ti/.cache");
  EXPECT_EQ(roff_text("the model's own"), "the model's own");
}

TEST(Roff, NoLineOfTextIsARequest) {
  EXPECT_EQ(roff_text(".npy arrays"), "\\&.npy arrays");
  EXPECT_EQ(roff_text("'tis"), "\\&'tis");
  EXPECT_EQ(roff_line(roff_code(".hidden")), "\\&.hidden");
}

TEST(Roff, BackticksAreBoldAndCloseAtTheEnd) {
  EXPECT_EQ(roff_text("see `sapiens pull`."), "see \\fBsapiens pull\\fR.");
  EXPECT_EQ(roff_text("`auto"), "\\fBauto\\fR");
}

TEST(Roff, CodeKeepsQuotationMarks) { EXPECT_EQ(roff_code("'a' `b`"), "\\(aqa\\(aq \\(gab\\(ga"); }

}  // namespace
}  // namespace sapiens::cli

#include "sapiens/option_names.hpp"

#include <gtest/gtest.h>

namespace sapiens {
namespace {

std::string_view flag_of_heads(std::string_view field) {
  return field == "heads" ? "--heads" : std::string_view();
}

TEST(OptionNames, TakeThePlaceOfKnownFields) {
  EXPECT_EQ(with_option_names("add `heads` N, `heads`", flag_of_heads), "add --heads N, --heads");
  EXPECT_EQ(with_option_names("`sapiens pull` and `heads`", flag_of_heads),
            "`sapiens pull` and --heads");
}

TEST(OptionNames, LeaveOtherTextsAlone) {
  for (const char* const text :
       {"", "heads", "`", "``", "`heads", "a`b`c", "`tails`", "` heads`"}) {
    EXPECT_EQ(with_option_names(text, flag_of_heads), text);
  }
  EXPECT_EQ(with_option_names("`heads`", nullptr), "`heads`");
}

TEST(OptionNames, AreFoundAfterASingleBackquote) {
  EXPECT_EQ(with_option_names("it`s `heads`", flag_of_heads), "it`s --heads");
}

}  // namespace
}  // namespace sapiens

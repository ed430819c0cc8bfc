#include "cli/options/options.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sapiens/error.hpp>
#include <set>
#include <string>
#include <vector>

#include "cli/terminal/messages.hpp"

namespace sapiens::cli {
namespace {

using testing::ElementsAre;

TEST(ParseGrid, TakesHeightFirst) { EXPECT_EQ(parse_grid("1024x768"), (Grid{1024, 768})); }

TEST(ParseGrid, RefusesWhatIsNotTwoPositiveNumbers) {
  for (const char* text : {"", "x", "1024", "1024x", "x768", "0x5", "-1x5", "5x5x5", "5 x5",
                           "1e3x5", "99999999999999999999x1", "70000x1"}) {
    EXPECT_FALSE(parse_grid(text)) << text;
  }
}

TEST(ParseLayers, TakesNegativeNumbers) {
  EXPECT_THAT(parse_layers("5,11,-1").value(), ElementsAre(5, 11, -1));
}

TEST(ParseLayers, RefusesGaps) {
  for (const char* text : {"", ",", "5,", ",5", "5,,6", "5;6", "a"}) {
    EXPECT_FALSE(parse_layers(text)) << text;
  }
}

TEST(PrefixesOf, NeedLabelsWhereThereAreSeveral) {
  using Texts = std::vector<std::string>;
  const Texts one = {"pose"}, two = {"pose", "seg"};
  EXPECT_EQ(prefixes_of(Texts{"encoder_q"}, one), Texts{"encoder_q"});
  EXPECT_EQ(prefixes_of(Texts{"seg=encoder_q."}, two), (Texts{"", "encoder_q."}));
  EXPECT_EQ(prefixes_of(Texts{}, two), (Texts{"", ""}));
  for (const char* text : {"encoder_q", "pose", "depth=encoder_q", "seg=", "=encoder_q"}) {
    EXPECT_THROW(prefixes_of(Texts{text}, two), Error) << text;
  }
}

TEST(ExitCode, ExistsForEveryErrorCodeAndNeverMeansSuccess) {
  for (int code = 0; code <= static_cast<int>(ErrorCode::Internal); ++code) {
    EXPECT_THAT((std::set{kUsage, kRefused, kBadFile, kOutOfResources, kNetwork, kInternal}),
                testing::Contains(exit_code(static_cast<ErrorCode>(code))));
  }
}

}  // namespace
}  // namespace sapiens::cli

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sapiens/version.hpp>

#include "cli/program.hpp"

namespace sapiens {
namespace {

using testing::AnyOf;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(Usage, VersionIsTheLibrarysOwn) {
  const Finished run = run_sapiens({"--version"});
  EXPECT_EQ(run.code, 0);
  EXPECT_EQ(run.out, "sapiens " SAPIENS_VERSION "\n");
}

TEST(Usage, HelpListsCommandsAndExitCodes) {
  const Finished run = run_sapiens({"--help"});
  EXPECT_EQ(run.code, 0);
  for (const char* part : {"pull", "inspect", "eval", "features", "reconstruct", "convert", "synth",
                           "bench", "Exit codes:", "the checkpoint was refused", "Example:"}) {
    EXPECT_THAT(run.out, HasSubstr(part));
  }
}

TEST(Usage, HelpOfEveryCommandHasAnExample) {
  for (const char* command :
       {"pull", "inspect", "eval", "features", "reconstruct", "convert", "synth", "bench"}) {
    const Finished run = run_sapiens({command, "--help"});
    EXPECT_EQ(run.code, 0);
    EXPECT_THAT(run.out, HasSubstr(std::string("Example:\n  sapiens ") + command));
  }
}

TEST(Usage, HelpOfFeaturesShowsDefaults) {
  const std::string help = run_sapiens({"features", "--help"}).out;
  for (const std::string value : {"featmap", "full", "f32", "auto"}) {
    // CLI11 writes =value, from 2.2 on [value].
    EXPECT_THAT(help, AnyOf(HasSubstr("=" + value), HasSubstr("[" + value + "]")));
  }
}

TEST(Usage, AWordThatIsNoCommandIsNamed) {
  const Finished run = run_sapiens({"featurs", "a.pth"});
  EXPECT_EQ(run.code, 2);
  EXPECT_THAT(run.err, HasSubstr("there is no command or option `featurs`"));
}

TEST(Usage, MistakesExitWithTwo) {
  const std::vector<std::vector<std::string>> mistakes = {
      {},
      {"dance"},
      {"inspect"},
      {"inspect", "a.pth", "--no-such-option"},
      {"inspect", "a.pth", "--size", "big"},
      {"features", "a.pth", "b.jpg"},
      {"features", "a.pth", "b.jpg", "--output", "out", "--layers", "5,,6"},
      {"features", "a.pth", "b.jpg", "--output", "out", "--dtype", "i8"},
      {"features", "a.pth", "b.jpg", "--output", "out", "--patch-padding", "1"},
      {"features", "a.pth", "b.jpg", "--output", "out", "--batch", "0"},
      {"features", "a.pth", "b.jpg", "--output", "out", "--isa", "mmx"},
      {"reconstruct", "a.pth", "b.jpg"},
      {"reconstruct", "a.pth", "b.jpg", "--output", "out", "--mask-ratio", "2"},
      {"reconstruct", "a.pth", "b.jpg", "--output", "out", "--seed", "-1"},
      {"reconstruct", "a.pth", "b.jpg", "--output", "out", "--viz"},
      {"bench", "--arch", "tiny", "--size", "15x16"},
      {"synth", "a.pth", "--arch", "9b"},
      {"synth", "a.pth", "--arch", "tiny", "--seed", "-1"},
  };
  for (const auto& mistake : mistakes) {
    const Finished run = run_sapiens(mistake);
    EXPECT_EQ(run.code, 2) << testing::PrintToString(mistake);
    EXPECT_THAT(run.out, IsEmpty());
    EXPECT_THAT(run.err, HasSubstr("error[usage]"));
  }
}

TEST(Usage, MistakesAreADocumentWithJson) {
  const Finished run = run_sapiens({"inspect", "--json"});
  EXPECT_EQ(run.code, 2);
  EXPECT_EQ(run.json()["error"]["code"], "usage");
}

}  // namespace
}  // namespace sapiens

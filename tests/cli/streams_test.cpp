#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <csignal>
#include <cstdlib>

#include "cli/program.hpp"

namespace sapiens {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr const char* kProgram = "'" SAPIENS_PROGRAM "' ";

/// The exit code of a shell command.
int shell(const std::string& command) {
  const int status = std::system(command.c_str());
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

class Streams : public testing::Test {
 protected:
  void SetUp() override {
    make_checkpoint(checkpoint_);
    make_image(scratch_ / "a.png");
  }

  std::string features() const {
    return kProgram + ("features '" + checkpoint_ + "' '" + (scratch_ / "a.png")) + "' --output '" +
           (scratch_ / "out") + "' ";
  }

  Scratch scratch_;
  std::string checkpoint_ = scratch_ / "tiny.pth";
};

TEST_F(Streams, AnUnwritableStandardErrorDoesNotChangeTheExitCode) {
  for (const std::string to : {"2>&-", "2>/dev/full"}) {
    EXPECT_EQ(shell(kProgram + ("inspect missing.pth " + to)), 4) << to;
    EXPECT_EQ(shell(kProgram + ("--no-such-option " + to)), 2) << to;
    EXPECT_EQ(shell(features() + ">/dev/null " + to), 0) << to;
  }
}

TEST_F(Streams, AnUnwritableStandardOutputExitsWithFive) {
  const std::string null = " 2>/dev/null";
  for (const std::string to : {">&-", ">/dev/full"}) {
    EXPECT_EQ(shell(kProgram + ("inspect --tensors '" + checkpoint_ + "' " + to) + null), 5) << to;
    EXPECT_EQ(shell(kProgram + ("inspect --json '" + checkpoint_ + "' " + to) + null), 5) << to;
    EXPECT_EQ(shell(kProgram + ("--help " + to) + null), 5) << to;
  }
}

TEST_F(Streams, ClosedStreamsAreNotUsedForFiles) {
  const std::string copy = scratch_ / "copy.pth", other = scratch_ / "other.pth";
  const std::string convert = "convert '" + checkpoint_ + "' ";
  ASSERT_EQ(shell(kProgram + convert + "'" + copy + "' >/dev/null"), 0);
  shell(kProgram + convert + "'" + other + "' <&- >&- 2>&-");
  EXPECT_EQ(read_bytes(other), read_bytes(copy));
}

TEST_F(Streams, ShowNoControlCharactersOfFileNames) {
  const Finished run = run_sapiens({"inspect", "\x1b[31mred.pth"});
  EXPECT_THAT(run.err, HasSubstr("\\x1b[31mred.pth"));
}

TEST_F(Streams, WaitingForAStreamCanBeInterrupted) {
  // timeout says 124 when its TERM was enough, 137 when it had to kill.
  const std::string command = "sleep 2 | timeout -k 1 0.5 " + std::string(kProgram) + "features '" +
                              checkpoint_ + "' - --output '" + (scratch_ / "out") + "' 2>/dev/null";
  EXPECT_EQ(shell(command), 124);
}

TEST_F(Streams, AFileLargerThanAllowedIsAnErrorThatLeavesNoFile) {
  const std::string copy = scratch_ / "copy.pth";
  EXPECT_EQ(shell("ulimit -f 8; " + (kProgram + ("convert '" + checkpoint_ + "' '" + copy)) +
                  "' 2>/dev/null"),
            5);
  for (const auto& entry : fs::directory_iterator(fs::path(copy).parent_path())) {
    EXPECT_EQ(entry.path().string().find("copy"), std::string::npos) << entry.path();
  }
}

TEST(Signals, SignalsIgnoredByTheCallerStayIgnored) {
  const std::string bench = std::string(kProgram) + "bench --arch tiny --repeat 500 >/dev/null";
  for (const std::string signal : {"INT", "HUP"}) {
    EXPECT_EQ(shell("trap '' " + signal + "; " + bench + " & sleep 0.1; kill -" + signal +
                    " $!; wait $!"),
              0);
  }
}

TEST(Signals, ALostTerminalEndsTheRun) {
  const Finished ended = [] {
    Running run({"bench", "--arch", "tiny", "--repeat", "100000", "--json"});
    shell("sleep 0.3");
    run.send(SIGHUP);
    return run.wait();
  }();
  EXPECT_EQ(ended.code, 130);
  EXPECT_EQ(ended.json()["error"]["code"], "interrupted");
}

}  // namespace
}  // namespace sapiens

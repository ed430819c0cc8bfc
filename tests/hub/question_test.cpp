// The question before a download, on a terminal.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <utility>

#include "hub/pull_fixture.hpp"

namespace sapiens {
namespace {

using testing::HasSubstr;

/// Runs the program on a terminal of its own, types `answer` at the first question, and returns
/// the exit code and everything that the terminal showed.
std::pair<int, std::string> on_a_terminal(const std::vector<std::string>& arguments,
                                          const std::string& answer) {
  const int terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (terminal < 0 || grantpt(terminal) != 0 || unlockpt(terminal) != 0) return {-1, "no terminal"};
  std::vector<std::string> words = {SAPIENS_PROGRAM};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const std::string name = ptsname(terminal);
  const pid_t pid = fork();
  if (pid == 0) {
    setsid();
    const int end = open(name.c_str(), O_RDWR);
    for (const int descriptor : {0, 1, 2}) dup2(end, descriptor);
    if (end > 2) close(end);
    execv(SAPIENS_PROGRAM, argv.data());
    _exit(127);
  }
  std::string shown;
  bool answered = false;
  char buffer[4096];
  // Reading fails once the program has closed its end.
  for (ssize_t count; (count = read(terminal, buffer, sizeof buffer)) > 0;) {
    shown.append(buffer, static_cast<std::size_t>(count));
    if (answered || shown.find("[y/N]") == std::string::npos) continue;
    answered = write(terminal, answer.data(), answer.size()) > 0;
  }
  int status = 0;
  waitpid(pid, &status, 0);
  close(terminal);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, shown};
}

TEST_F(Pull, ATerminalIsAskedOnceForAllFiles) {
  serve();
  const auto [code, shown] = on_a_terminal({"pull", kName, "0.3b:seg"}, "y\n");
  EXPECT_EQ(code, 0) << shown;
  EXPECT_THAT(shown, HasSubstr("licence  CC BY-NC 4.0"));
  EXPECT_THAT(shown, HasSubstr("Download them"));
  EXPECT_EQ(shown.find("[y/N]"), shown.rfind("[y/N]"));
  EXPECT_TRUE(read_bytes(pulled()) == read_bytes(published_));
  EXPECT_EQ(cached().size(), 2);
}

TEST_F(Pull, ANoOnTheTerminalCancels) {
  const HubServer& server = serve();
  for (const std::string answer : {"n\n", "\n", "\x04"}) {
    const auto [code, shown] = on_a_terminal({"pull", kName}, answer);
    EXPECT_EQ(code, 2) << shown;
    EXPECT_THAT(shown, HasSubstr("nothing was downloaded"));
  }
  EXPECT_TRUE(cached().empty());
  EXPECT_TRUE(server.requests("storage").empty());
}

}  // namespace
}  // namespace sapiens

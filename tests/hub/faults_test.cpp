// Downloads in which one system call after the other fails, or that are killed at any moment.
#include "cli/faults.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <random>
#include <thread>

#include "hub/pull_fixture.hpp"

namespace sapiens {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class FaultyPull : public Pull {};

TEST_F(FaultyPull, EachFailedCallIsANamedErrorAndTheSameCommandGoesOn) {
  if (const std::string why = why_no_faults(); !why.empty()) GTEST_SKIP() << why;
  const char* const wanted = std::getenv("SAPIENS_TEST_FAULTS");
  const long distance = wanted == nullptr ? 17 : std::max(1L, std::atol(wanted));
  serve();
  for (const Fault& kind : {Fault{kWritingCalls, ENOSPC, 1, 1}, Fault{kAllCalls, EIO, 1, 0},
                            Fault{kAllCalls, EMFILE, 1, 0}}) {
    for (Fault fault = kind;; fault.first += distance) {
      fs::remove_all(cache_);
      const FaultedRun run = run_with_fault(cache_, fault, command());
      SCOPED_TRACE(std::string(std::strerror(fault.error)) + " from call " +
                   std::to_string(fault.first) + " on\n" + run.log + run.finished.err);
      EXPECT_FALSE(run.hung);
      if (run.finished.code == 0) {
        EXPECT_TRUE(read_bytes(pulled()) == read_bytes(published_));
      } else {
        EXPECT_TRUE(run.finished.code >= 1 && run.finished.code <= 6) << run.finished.code;
        EXPECT_THAT(run.finished.err, HasSubstr(cache_));
        EXPECT_THAT(run.finished.err, HasSubstr(std::strerror(fault.error)));
        EXPECT_FALSE(fs::exists(pulled()) && read_bytes(pulled()) != read_bytes(published_));
      }
      if (run.log.empty()) break;
      EXPECT_EQ(pull().code, 0);
      EXPECT_TRUE(read_bytes(pulled()) == read_bytes(published_));
    }
  }
}

TEST_F(FaultyPull, GoesOnAfterASignalAtAnyMoment) {
  std::signal(SIGINT, SIG_DFL);  // the program heeds one that it inherits as ignored
  const char* const wanted = std::getenv("SAPIENS_TEST_KILLS");
  const int rounds = wanted == nullptr ? 3 : std::atoi(wanted);
  std::mt19937 random(21);
  std::uniform_real_distribution<double> moment(0, 0.6);
  serve({"--rate", "2000000"});  // a quarter of a second
  for (int round = 0; round < rounds; ++round) {
    fs::remove_all(cache_);
    const int signal = std::vector{SIGKILL, SIGINT, SIGTERM}[static_cast<std::size_t>(round % 3)];
    Running program(command());
    std::this_thread::sleep_for(std::chrono::duration<double>(moment(random)));
    program.send(signal);
    const int code = program.wait().code;
    EXPECT_TRUE(code == 130 || code == 128 + signal || code == 0) << code;
    std::error_code none;
    const auto arrived = fs::file_size(partial(), none);
    std::printf("round %d, signal %d: %zu bytes\n", round + 1, signal,
                none ? std::size_t{0} : static_cast<std::size_t>(arrived));
    EXPECT_FALSE(fs::exists(pulled()) && read_bytes(pulled()) != read_bytes(published_));
    const Finished again = pull();
    EXPECT_EQ(again.code, 0) << again.err;
    expect_whole();
  }
}

}  // namespace
}  // namespace sapiens

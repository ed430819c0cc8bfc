#include "cli/run/claims.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <functional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "cli/run/claim_folder.hpp"
#include "cli/run/claim_record.hpp"
#include "support/scratch.hpp"

namespace sapiens::cli {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

constexpr ClaimTimes kTimes{milliseconds(20), milliseconds(300)};

/// A process that ends with the result of `work`; it must not return to the tests.
::pid_t start(const std::function<int()>& work) {
  const ::pid_t pid = ::fork();
  if (pid == 0) ::_exit(work());
  return pid;
}

int wait_for(::pid_t pid) {
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

std::size_t count(const fs::path& folder) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), {}));
}

/// A process that has claimed "a" below `work`.
::pid_t start_owner(const fs::path& work) {
  const ::pid_t pid = start([&] {
    Claims claims(work, kTimes);
    const auto claim = claims.try_claim("a");
    while (claim) ::pause();
    return 1;
  });
  // The folder of the owner is made after its claim.
  while (!fs::exists(work / "a") || count(work / "a") < 2) {
    std::this_thread::sleep_for(milliseconds(1));
  }
  return pid;
}

void kill_and_wait(::pid_t pid) {
  ::kill(pid, SIGKILL);
  wait_for(pid);
}

bool eventually(const std::function<bool()>& holds) {
  for (int i = 0; i < 6000; ++i) {
    if (holds()) return true;
    std::this_thread::sleep_for(milliseconds(5));
  }
  return false;
}

std::string claim_of_another_host(std::int64_t beats, const std::string& token = new_token()) {
  ClaimRecord record = this_process();
  record.boot = "another";
  record.owner.host = "node-3";
  record.owner.token = token;
  record.beats = beats;
  return claim_text(record);
}

TEST(Claims, OneOfManyProcessesWins) {
  for (int round = 0; round < 100; ++round) {
    const Scratch scratch;
    std::vector<::pid_t> processes;
    for (int i = 0; i < 8; ++i) {
      processes.push_back(start([&] {
        Claims claims(scratch.path(), kTimes);
        const auto claim = claims.try_claim("a");
        if (claim) write_bytes(scratch / ("won." + claim->token()), "");
        // Whoever ended would be succeeded.
        while (fs::exists(scratch.path()) && !fs::exists(scratch / "end")) ::usleep(500);
        return claim ? 1 : 0;
      }));
    }
    ASSERT_TRUE(eventually([&] { return newest_claim(scratch.path() / "a").number > 0; }));
    std::this_thread::sleep_for(milliseconds(5));
    write_bytes(scratch / "end", "");
    int winners = 0;
    for (const ::pid_t pid : processes) winners += wait_for(pid) == 1 ? 1 : 0;
    // One that starts when the others were told to end may succeed one that ended.
    EXPECT_EQ(winners, newest_claim(scratch.path() / "a").number);
  }
}

TEST(Claims, AKilledOwnerOfThisMachineIsSucceededAtOnce) {
  const Scratch scratch;
  Claims claims(scratch.path(), {milliseconds(20), std::chrono::hours(1)});
  const ::pid_t owner = start_owner(scratch.path());
  EXPECT_FALSE(claims.try_claim("a"));
  EXPECT_EQ(claims.owner("a")->pid, owner);
  EXPECT_TRUE(claims.has_shown_life("a"));
  kill_and_wait(owner);
  EXPECT_FALSE(claims.owner("a"));
  const auto claim = claims.try_claim("a");
  ASSERT_TRUE(claim);
  EXPECT_TRUE(fs::is_empty(claim->folder()));
  EXPECT_EQ(claim->earlier_folders().size(), 1U);
}

TEST(Claims, AnOwnerThatNobodyWaitedForIsDead) {
  const Scratch scratch;
  Claims claims(scratch.path(), {milliseconds(20), std::chrono::hours(1)});
  const ::pid_t owner = start_owner(scratch.path());
  ::kill(owner, SIGKILL);
  EXPECT_TRUE(eventually([&] { return claims.try_claim("a").has_value(); }));
  wait_for(owner);
}

TEST(Claims, AStoppedOwnerOfThisMachineStaysTheOwner) {
  const Scratch scratch;
  Claims claims(scratch.path(), {milliseconds(1), milliseconds(1)});
  const ::pid_t owner = start_owner(scratch.path());
  ::kill(owner, SIGSTOP);
  for (int i = 0; i < 20; ++i) {
    EXPECT_FALSE(claims.try_claim("a"));
    std::this_thread::sleep_for(milliseconds(5));
  }
  kill_and_wait(owner);
}

TEST(Claims, AnOwnerOfAnotherHostIsDeadAfterAWhileWithoutBeats) {
  const Scratch scratch;
  const fs::path path = scratch.path() / "a" / "claim.1";
  const std::string token = new_token();
  Claims claims(scratch.path(), kTimes);
  const auto first = std::chrono::steady_clock::now();
  for (int beats = 1; beats < 40; ++beats) {
    write_bytes(path, claim_of_another_host(beats, token));
    EXPECT_FALSE(claims.try_claim("a"));  // unless this process slept for long
    EXPECT_EQ(claims.has_shown_life("a"), beats > 1);
    std::this_thread::sleep_for(milliseconds(10));
  }
  EXPECT_GT(std::chrono::steady_clock::now() - first, kTimes.dead);
  EXPECT_EQ(claims.owner("a")->text().find(" on node-3"), claims.owner("a")->text().size() - 10);
  EXPECT_TRUE(eventually([&] { return claims.try_claim("a").has_value(); }));
  EXPECT_GT(std::chrono::steady_clock::now() - first, 2 * kTimes.dead);
}

TEST(Claims, AGarbledClaimIsAnOwnerWithoutLife) {
  for (const std::string& text :
       {std::string(), std::string("{"), std::string("[1]"), std::string(10'000, '['),
        claim_of_another_host(1, "../../x"), std::string("{\"host\":1}")}) {
    const Scratch scratch;
    write_bytes(scratch.path() / "a" / "claim.1", text);
    Claims claims(scratch.path(), kTimes);
    EXPECT_FALSE(claims.try_claim("a"));
    EXPECT_FALSE(claims.owner("a"));
    EXPECT_TRUE(eventually([&] { return claims.try_claim("a").has_value(); }));
    EXPECT_FALSE(claims.has_shown_life("a"));
  }
}

TEST(Claims, TokensThatAreNoTokensNameNoFolders) {
  const Scratch scratch;
  fs::create_directory(scratch / "x");
  const std::string left = new_token();
  fs::create_directories(scratch.path() / "a" / left);
  write_bytes(scratch.path() / "a" / "claim.1", claim_of_another_host(kLeft, "../x"));
  write_bytes(scratch.path() / "a" / "claim.2", claim_of_another_host(kLeft, left));
  write_bytes(scratch.path() / "a" / "claim.3", claim_of_another_host(kLeft));
  Claims claims(scratch.path(), kTimes);
  const auto claim = claims.try_claim("a");
  ASSERT_TRUE(claim);
  EXPECT_EQ(claim->earlier_folders(), std::vector{scratch.path() / "a" / left});
}

TEST(Claims, ReleaseRemovesAll) {
  const Scratch scratch;
  Claims claims(scratch.path(), kTimes);
  auto claim = claims.try_claim("a");
  ASSERT_TRUE(claim);
  EXPECT_FALSE(claims.try_claim("a"));
  write_bytes(claim->folder() / "file", "");
  claim->release();
  EXPECT_EQ(count(scratch.path()), 0U);
  claim->release();
  EXPECT_TRUE(claims.try_claim("a"));
}

TEST(Claims, AClaimThatWasDestroyedMayBeMadeAgain) {
  const Scratch scratch;
  Claims claims(scratch.path(), kTimes);
  const fs::path folder = claims.try_claim("a")->folder();
  EXPECT_FALSE(claims.owner("a"));
  const auto again = claims.try_claim("a");
  ASSERT_TRUE(again);
  EXPECT_EQ(again->earlier_folders(), std::vector{folder});
}

TEST(Claims, ALostOwnerLearnsItAndRemovesNothing) {
  const Scratch scratch;
  Claims claims(scratch.path(), kTimes);
  auto claim = claims.try_claim("a");
  ASSERT_TRUE(claim);
  EXPECT_FALSE(claim->is_lost());
  write_bytes(scratch.path() / "a" / "claim.2", claim_of_another_host(1));
  EXPECT_TRUE(eventually([&] { return claim->is_lost(); }));
  claim->release();
  EXPECT_TRUE(fs::exists(scratch.path() / "a" / "claim.2"));
  // A release that comes before the next beat looks for itself.
  Claims slow(scratch.path(), {std::chrono::hours(1), kTimes.dead});
  auto other = slow.try_claim("b");
  write_bytes(scratch.path() / "b" / "claim.2", "");
  other->release();
  EXPECT_TRUE(fs::exists(scratch.path() / "b" / "claim.2"));
}

TEST(Claims, APieceThatWasRemovedIsLost) {
  const Scratch scratch;
  Claims claims(scratch.path(), kTimes);
  const auto claim = claims.try_claim("a");
  fs::remove_all(scratch / "a");
  write_bytes(scratch.path() / "a" / "claim.1", claim_of_another_host(1));
  const std::string others = read_bytes(scratch.path() / "a" / "claim.1");
  EXPECT_TRUE(eventually([&] { return claim->is_lost(); }));
  EXPECT_EQ(read_bytes(scratch.path() / "a" / "claim.1"), others);
}

TEST(Claims, TwoNamesNeverShareAFolder) {
  const std::string name(300, 'n');
  const std::vector<std::string> names{"",         "a",       "a/b",
                                       "a%2Fb",    "a%b",     ".",
                                       "..",       "%2E",     "../a",
                                       "a.tar",    "A",       "\xff\xfe",
                                       "%",        "a+b",     name,
                                       name + "n", "é",       std::string("\0", 1),
                                       "./a",      "claim.1", name.substr(0, 200)};
  const Scratch scratch;
  Claims claims(scratch.path(), kTimes);
  std::vector<Claim> held;
  for (const std::string& piece : names) {
    auto claim = claims.try_claim(piece);
    ASSERT_TRUE(claim) << piece;
    EXPECT_EQ(claim->folder().parent_path().parent_path(), scratch.path());
    EXPECT_FALSE(claims.try_claim(piece));
    held.push_back(std::move(*claim));
  }
  EXPECT_EQ(count(scratch.path()), names.size());
  for (Claim& claim : held) claim.release();
  EXPECT_EQ(count(scratch.path()), 0U);
}

TEST(Claims, NoDescriptorsAndNoThreadsAreLeft) {
  const Scratch scratch;
  const auto use = [&] {
    Claims claims(scratch.path(), kTimes);
    auto released = claims.try_claim("a");
    const auto left = claims.try_claim("b");
    released->release();
  };
  use();
  const std::size_t files = count("/proc/self/fd");
  const std::size_t threads = count("/proc/self/task");
  for (int i = 0; i < 10; ++i) use();
  EXPECT_EQ(count("/proc/self/fd"), files);
  EXPECT_TRUE(eventually([&] { return count("/proc/self/task") <= threads; }));
}

TEST(Claims, EveryPieceIsDoneThoughProcessesAreKilled) {
  const Scratch scratch;
  constexpr int kPieces = 200;
  fs::create_directory(scratch / "done");
  const auto work = [&] {
    Claims claims(scratch / "work", kTimes);
    for (int i = 0; i < kPieces; ++i) {
      const std::string name = std::to_string((i * 37 + ::getpid()) % kPieces);
      const std::string record = scratch / ("done/" + name);
      if (fs::exists(record)) continue;
      auto claim = claims.try_claim(name);
      if (!claim) continue;
      if (fs::exists(record)) {
        claim->release();
        continue;
      }
      const std::string token = claim->token();
      if (token[0] == '0') ::_exit(1);  // 1 of 16, at random
      write_bytes(claim->folder() / "file", token);
      if (token[1] == '0') ::_exit(1);
      fs::rename(claim->folder() / "file", record);
      if (token[2] == '0') ::_exit(1);
      claim->release();
    }
    return 0;
  };
  for (int round = 0; round < 1000 && count(scratch / "done") < kPieces; ++round) {
    std::vector<::pid_t> processes;
    for (int i = 0; i < 4; ++i) processes.push_back(start(work));
    for (const ::pid_t pid : processes) wait_for(pid);
  }
  EXPECT_EQ(count(scratch / "done"), static_cast<std::size_t>(kPieces));
  std::set<std::string> tokens;
  for (const auto& entry : fs::directory_iterator(scratch / "done")) {
    tokens.insert(read_bytes(entry.path()));
  }
  EXPECT_EQ(tokens.size(), static_cast<std::size_t>(kPieces));
}

}  // namespace
}  // namespace sapiens::cli

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <future>
#include <sapiens/error.hpp>
#include <set>
#include <string>
#include <thread>

#include "serve/access.hpp"
#include "serve/media_types.hpp"
#include "serve/workers.hpp"
#include "support/error_code_of.hpp"
#include "support/sanitizers.hpp"
#include "support/scratch.hpp"

namespace sapiens::serve {
namespace {

TEST(Base64, DecodesTheVectorsOfTheRfc) {
  EXPECT_EQ(decode_base64(""), "");
  EXPECT_EQ(decode_base64("Zg=="), "f");
  EXPECT_EQ(decode_base64("Zg"), "f");
  EXPECT_EQ(decode_base64("Zm8="), "fo");
  EXPECT_EQ(decode_base64("Zm9v"), "foo");
  EXPECT_EQ(decode_base64("Zm9vYmFy"), "foobar");
  EXPECT_EQ(decode_base64("//79"), "\xff\xfe\xfd");
}

TEST(Base64, RefusesInvalidText) {
  for (const char* text :
       {"Z", "Zg=", "Zg===", "====", "Zm 9v", "Zm9v\n", "Zh==", "Zm9=", "-_-_"}) {
    EXPECT_EQ(decode_base64(text), std::nullopt) << text;
  }
}

constexpr std::array<std::string_view, 3> kOffered = {"application/json", "application/x-npy",
                                                      "image/png"};

TEST(Accept, ChoosesWhatIsLikedBest) {
  EXPECT_EQ(choose_type("", kOffered), "application/json");
  EXPECT_EQ(choose_type("*/*", kOffered), "application/json");
  EXPECT_EQ(choose_type("image/png", kOffered), "image/png");
  EXPECT_EQ(choose_type("IMAGE/PNG", kOffered), "image/png");
  EXPECT_EQ(choose_type("image/*", kOffered), "image/png");
  EXPECT_EQ(choose_type("text/html, application/x-npy;q=0.5, image/png; q=0.9", kOffered),
            "image/png");
  EXPECT_EQ(choose_type("*/*, application/json;q=0.1", kOffered), "application/x-npy");
  EXPECT_EQ(choose_type("image/png;q=0, */*;q=0.1", kOffered), "application/json");
}

TEST(Accept, TakesNothingWhereNothingFits) {
  EXPECT_EQ(choose_type("text/html", kOffered), "");
  EXPECT_EQ(choose_type("application/json;q=0", kOffered), "");
  EXPECT_EQ(choose_type(",;,=", kOffered), "");
}

TEST(Tokens, AreEqualOnlyToThemselves) {
  EXPECT_TRUE(is_token("abcdefgh", "abcdefgh"));
  for (const char* other : {"", "a", "abcdefg", "abcdefgi", "abcdefghabcdefgh", "ABCDEFGH"}) {
    EXPECT_FALSE(is_token(other, "abcdefgh")) << other;
  }
}

TEST(Tokens, AreTheFirstLineOfAFile) {
  const Scratch scratch;
  for (const char* text :
       {"a-secret-of-tests", "a-secret-of-tests\r\n", "a-secret-of-tests\nmore"}) {
    write_bytes(scratch / "token", text);
    EXPECT_EQ(read_token(scratch / "token"), "a-secret-of-tests");
  }
  write_bytes(scratch / "longest", std::string(1024, 'a') + "\r\n");
  EXPECT_EQ(read_token(scratch / "longest"), std::string(1024, 'a'));
}

TEST(Tokens, AreNotReadFromWhatHasNone) {
  const Scratch scratch;
  write_bytes(scratch / "empty", "");
  write_bytes(scratch / "long", std::string(1025, 'a'));
  const auto code_of = [](const std::string& path) {
    return error_code_of([&] { read_token(path); });
  };
  EXPECT_EQ(code_of(scratch / "empty"), ErrorCode::NotFound);
  EXPECT_EQ(code_of(scratch / "none"), ErrorCode::NotFound);
  EXPECT_EQ(code_of(scratch.path()), ErrorCode::NotFound);
  EXPECT_EQ(code_of(scratch / "long"), ErrorCode::InvalidArgument);
  EXPECT_EQ(code_of("/dev/zero"), ErrorCode::InvalidArgument);
}

TEST(Tokens, ComeThroughAPipeOrAreNotWaitedForLong) {
  const Scratch scratch;
  const std::string pipe = scratch / "pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_EQ(error_code_of([&] { read_token(pipe, std::chrono::milliseconds(20)); }),
            ErrorCode::NotFound);
  std::thread writer([&] { std::ofstream(pipe) << "a-secret" << std::flush << "-of-tests\n"; });
  EXPECT_EQ(read_token(pipe), "a-secret-of-tests");
  writer.join();
}

TEST(Workers, RunAllThatTheyWereGiven) {
  std::mutex mutex;
  int done = 0;
  Workers workers(3);
  for (int i = 0; i < 100; ++i) {
    workers.run([&] {
      const std::lock_guard lock(mutex);
      ++done;
    });
  }
  workers.finish();
  EXPECT_EQ(done, 100);
}

TEST(Workers, LeaveThreadsAloneThatAreNotNeeded) {
  constexpr std::size_t kThreads = 16;
  Workers workers(kThreads);
  std::set<std::thread::id> used;
  for (int i = 0; i < 200; ++i) {
    std::promise<std::thread::id> done;
    workers.run([&] { done.set_value(std::this_thread::get_id()); });
    used.insert(done.get_future().get());
    // The thread becomes idle meanwhile, mostly.
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_LT(used.size(), kThreads);
}

TEST(WorkersDeathTest, TooManyThreadsAreAnErrorWithTheNumber) {
  if (kUnderSanitizer) GTEST_SKIP() << "sanitizers need the memory that the test forbids";
  const auto start_many = [] {
    const rlimit memory = {.rlim_cur = rlim_t{1} << 30, .rlim_max = rlim_t{1} << 30};
    setrlimit(RLIMIT_AS, &memory);  // a stack is 8 MB
    try {
      const Workers workers(10000);
    } catch (const Error& error) {
      std::fprintf(stderr, "%s", error.what());
      std::_Exit(7);
    }
  };
  EXPECT_EXIT(start_many(), testing::ExitedWithCode(7), "--connections.*\n.*at most");
}

}  // namespace
}  // namespace sapiens::serve

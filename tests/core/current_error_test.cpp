#include "sapiens/current_error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cstdint>
#include <new>
#include <stdexcept>
#include <string>
#include <system_error>

#include "core/memory_in_use.hpp"

namespace sapiens {
namespace {

template <typename Exception>
Error error_of(const Exception& thrown) {
  try {
    throw thrown;
  } catch (...) {
    return current_error();
  }
}

TEST(CurrentError, IsTheErrorItself) {
  const Error error(ErrorCode::NotFound, {.summary = "s", .file = "f"});
  EXPECT_STREQ(error_of(error).what(), error.what());
  EXPECT_EQ(error_of(error).code(), ErrorCode::NotFound);
}

TEST(CurrentError, AShortageOfMemoryIsNoBug) {
  EXPECT_EQ(error_of(std::bad_alloc()).code(), ErrorCode::OutOfResources);
  EXPECT_EQ(error_of(std::bad_array_new_length()).code(), ErrorCode::OutOfResources);
  EXPECT_EQ(error_of(std::length_error("vector")).code(), ErrorCode::OutOfResources);
  for (const std::errc shortage :
       {std::errc::resource_unavailable_try_again, std::errc::not_enough_memory,
        std::errc::too_many_files_open, std::errc::no_space_on_device}) {
    const Error error = error_of(std::system_error(std::make_error_code(shortage), "thread"));
    EXPECT_EQ(error.code(), ErrorCode::OutOfResources) << error.what();
  }
}

TEST(CurrentError, AShortageOfMemorySaysHowMuchThereIs) {
  EXPECT_THAT(error_of(std::bad_alloc()).detail().actual,
              testing::MatchesRegex("at most [0-9]+ MB of address space and [0-9]+ MB of memory in "
                                    "use.*"));
  const Error known(ErrorCode::OutOfResources, {.summary = "s", .actual = "8 bytes"});
  EXPECT_EQ(known.detail().actual, "8 bytes");
}

TEST(MemoryInUse, NamesTheLimitsThatThereAre) {
  rlimit old{};
  ASSERT_EQ(getrlimit(RLIMIT_DATA, &old), 0);
  const rlimit tight{.rlim_cur = std::uint64_t{1} << 42, .rlim_max = old.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_DATA, &tight), 0);
  const std::string text = memory_in_use();
  ASSERT_EQ(setrlimit(RLIMIT_DATA, &old), 0);
  EXPECT_NE(text.find("data (ulimit -d) limited to 4398046 MB"), text.npos) << text;
}

TEST(CurrentError, OtherExceptionsAreReportedAsBugs) {
  EXPECT_EQ(error_of(std::runtime_error("x")).code(), ErrorCode::Internal);
  EXPECT_EQ(error_of(std::runtime_error("x")).detail().summary, "x");
  EXPECT_EQ(error_of(std::system_error(std::make_error_code(std::errc::invalid_argument))).code(),
            ErrorCode::Internal);
  EXPECT_EQ(error_of(1).code(), ErrorCode::Internal);
}

}  // namespace
}  // namespace sapiens

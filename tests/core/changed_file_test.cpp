// A mapped file that another program changes: what was read is an error, and the process lives on.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <numeric>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "core/open_file.hpp"
#include "sapiens/error.hpp"
#include "sapiens/file_guard.hpp"
#include "support/error_code_of.hpp"
#include "support/sanitizers.hpp"
#include "support/scratch.hpp"

namespace sapiens {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kBytes = 1 << 20;

unsigned sum_of(std::span<const std::byte> bytes) {
  return std::accumulate(bytes.begin(), bytes.end(), 0U, [](unsigned sum, std::byte byte) {
    return sum + std::to_integer<unsigned>(byte);
  });
}

class ChangedFile : public ::testing::Test {
 protected:
  ChangedFile() {
    guard_mapped_files();
    write_bytes(path_, std::string(kBytes, '\1'));
  }

  const Scratch folder_;
  const std::string path_ = folder_ / "mapped";
};

TEST_F(ChangedFile, AWholeOneIsReadAsItIs) { EXPECT_EQ(FileMap(path_).checked(sum_of), kBytes); }

TEST_F(ChangedFile, CutShortIsAnErrorThatNamesItAndBothSizes) {
  const FileMap map(path_);
  fs::resize_file(path_, 5000);
  try {
    map.checked(sum_of);
    FAIL() << "zeros were taken for content";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::CorruptFile);
    EXPECT_EQ(error.detail().file, path_);
    EXPECT_EQ(error.detail().expected, "1048576 bytes, as when it was opened");
    EXPECT_EQ(error.detail().actual, "5000 bytes");
  }
}

// Behind the end of a file, the rest of its last page reads as zeros without a signal.
TEST_F(ChangedFile, CutShortByLessThanAPageIsAnErrorToo) {
  const FileMap map(path_);
  fs::resize_file(path_, kBytes - 1);
  EXPECT_EQ(error_code_of([&] { map.checked(sum_of); }), ErrorCode::CorruptFile);
}

TEST_F(ChangedFile, StaysAnErrorWhenTheSizeIsRestored) {
  const FileMap map(path_);
  fs::resize_file(path_, 0);
  EXPECT_EQ(error_code_of([&] { map.checked(sum_of); }), ErrorCode::CorruptFile);
  write_bytes(path_, std::string(kBytes, '\1'));
  EXPECT_EQ(error_code_of([&] { map.checked(sum_of); }), ErrorCode::CorruptFile);
}

TEST_F(ChangedFile, OtherContentOfTheSameSizeIsAnError) {
  fs::last_write_time(path_, fs::file_time_type::clock::now() - std::chrono::hours(1));
  const FileMap map(path_);
  write_bytes(path_, std::string(kBytes, '\2'));
  EXPECT_EQ(error_code_of([&] { map.checked(sum_of); }), ErrorCode::CorruptFile);
}

TEST_F(ChangedFile, ReplacedOrRemovedByItsNameIsReadAsItWas) {
  const FileMap map(path_);
  write_bytes(folder_ / "other", std::string(10, '\2'));
  fs::rename(folder_ / "other", path_);
  EXPECT_EQ(map.checked(sum_of), kBytes);
  fs::remove(path_);
  EXPECT_EQ(map.checked(sum_of), kBytes);
}

TEST_F(ChangedFile, TheReasonIsTheChangeEvenWhereReadingFailsForAnother) {
  const FileMap map(path_);
  fs::resize_file(path_, 10);
  try {
    map.checked([](std::span<const std::byte>) {
      throw Error(ErrorCode::UnsupportedFormat, {.summary = "zeros are not a format"});
    });
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.detail().summary, "the file was changed while it was read");
  }
}

TEST_F(ChangedFile, ManyThreadsThatReadItGetTheErrorEach) {
  const FileMap map(path_);
  fs::resize_file(path_, 0);
  std::atomic<int> errors = 0;
  std::vector<std::jthread> threads;
  for (int thread = 0; thread < 8; ++thread) {
    threads.emplace_back([&] {
      if (error_code_of([&] { map.checked(sum_of); }) == ErrorCode::CorruptFile) ++errors;
    });
  }
  threads.clear();
  EXPECT_EQ(errors, 8);
}

TEST_F(ChangedFile, AnotherFileAtTheSamePlaceIsWhole) {
  {
    const FileMap map(path_);
    fs::resize_file(path_, 0);
    EXPECT_EQ(error_code_of([&] { map.checked(sum_of); }), ErrorCode::CorruptFile);
  }
  write_bytes(path_, std::string(kBytes, '\1'));
  EXPECT_EQ(FileMap(path_).checked(sum_of), kBytes);
}

TEST_F(ChangedFile, OneFileTooManyIsRefused) {
  std::vector<std::unique_ptr<FileMap>> maps;
  const auto map_all = [&] {
    for (int count = 0; count < 100'000; ++count) maps.push_back(std::make_unique<FileMap>(path_));
  };
  EXPECT_EQ(error_code_of(map_all), ErrorCode::OutOfResources);
  maps.pop_back();
  EXPECT_EQ(FileMap(path_).checked(sum_of), kBytes);
}

// The handlers are the process's own, so each of these tests runs in a new one.
using SignalDeathTest = ChangedFile;

/// A page behind the end of a file that the library knows nothing of.
const volatile char* foreign_page(const std::string& path) {
  const Descriptor file = open_regular_file(path);
  const void* const page = ::mmap(nullptr, kBytes, PROT_READ, MAP_PRIVATE, file.number(), 0);
  fs::resize_file(path, 0);
  return static_cast<const volatile char*>(page);
}

void leave_with_7(int) { std::_Exit(7); }

struct sigaction before = {};
void restore_and_raise(int number) {
  ::sigaction(number, &before, nullptr);
  std::raise(number);
}

TEST_F(SignalDeathTest, AFaultElsewhereEndsTheProcessAsBefore) {
  if (kUnderSanitizer) GTEST_SKIP() << "a sanitizer has its own handler";
  EXPECT_EXIT(std::exit(*foreign_page(path_)), testing::KilledBySignal(SIGBUS), "");
}

TEST_F(SignalDeathTest, ASignalThatIsSentEndsTheProcessAsBefore) {
  if (kUnderSanitizer) GTEST_SKIP() << "a sanitizer has its own handler";
  EXPECT_EXIT(::kill(::getpid(), SIGBUS), testing::KilledBySignal(SIGBUS), "");
}

TEST(SignalsDeathTest, AFaultElsewhereGoesToTheHandlerBefore) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const Scratch folder;
  write_bytes(folder / "foreign", std::string(kBytes, '\1'));
  const auto fault = [&] {
    std::signal(SIGBUS, leave_with_7);
    guard_mapped_files();
    std::exit(*foreign_page(folder / "foreign"));
  };
  EXPECT_EXIT(fault(), testing::ExitedWithCode(7), "");
}

// As Python's faulthandler does when it is switched on after the import.
TEST(SignalsDeathTest, AHandlerInstalledLaterMayPassAFaultOn) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const Scratch folder;
  write_bytes(folder / "mapped", std::string(kBytes, '\1'));
  const auto fault = [&] {
    guard_mapped_files();
    struct sigaction later = {};
    later.sa_handler = restore_and_raise;
    later.sa_flags = SA_NODEFER;
    ::sigaction(SIGBUS, &later, &before);
    const FileMap map(folder / "mapped");
    fs::resize_file(folder / "mapped", 0);
    const auto code = error_code_of([&] { map.checked(sum_of); });
    std::exit(code == ErrorCode::CorruptFile ? 0 : 1);
  };
  EXPECT_EXIT(fault(), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace sapiens

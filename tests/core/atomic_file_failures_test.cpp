// What is left of an output file when a step of writing it fails.
#include <gtest/gtest.h>

#include <cerrno>
#include <filesystem>
#include <optional>

#include "core/atomic_file.hpp"
#include "core/failing_calls.hpp"
#include "core/open_file.hpp"
#include "sapiens/error.hpp"
#include "support/scratch.hpp"

namespace sapiens {
namespace {

namespace fs = std::filesystem;

std::span<const std::byte> text_bytes(std::string_view text) {
  return std::as_bytes(std::span(text));
}

class AtomicFileFailures : public testing::Test {
 protected:
  /// Writes "new" over "old", all steps of it.
  void write() {
    AtomicFile file(path_);
    file.write(text_bytes("nev"));
    file.rewrite(2, text_bytes("w"));
    file.commit();
  }

  /// The error of `write()` where a call always fails, after which the old file is the only one.
  std::optional<ErrorCode> refused(const char* call, int error_number) {
    std::optional<ErrorCode> refusal;
    try {
      const FailingCalls failing(call, error_number, 1000);
      write();
      ADD_FAILURE() << "it was written";
    } catch (const Error& error) {
      refusal = error.code();
    }
    EXPECT_EQ(read_bytes(path_), "old");
    EXPECT_EQ(std::distance(fs::directory_iterator(folder_), {}), 1);
    return refusal;
  }

  void SetUp() override { write_bytes(path_, "old"); }

  Scratch scratch_;
  const fs::path folder_ = scratch_ / "folder";
  const fs::path path_ = folder_ / "out";
};

TEST_F(AtomicFileFailures, InterruptedCallsAreRepeated) {
  for (const char* call : {"open", "flock", "ftruncate", "write", "pwrite", "fsync", "rename"}) {
    SCOPED_TRACE(call);
    write_bytes(path_, "old");
    const FailingCalls interrupted(call, EINTR, 3);
    write();
    EXPECT_EQ(interrupted.failed(), 3);
    EXPECT_EQ(read_bytes(path_), "new");
    EXPECT_EQ(std::distance(fs::directory_iterator(folder_), {}), 1);
  }
}

TEST_F(AtomicFileFailures, InterruptedReadsAreRepeated) {
  const FailingCalls interrupted("open", EINTR, 3);
  EXPECT_GE(open_regular_file(path_).number(), 0);
  EXPECT_EQ(interrupted.failed(), 3);
}

TEST_F(AtomicFileFailures, LeaveNothingBehind) {
  for (const char* call : {"open", "ftruncate", "write", "pwrite", "fsync", "rename"}) {
    SCOPED_TRACE(call);
    EXPECT_EQ(refused(call, EIO), ErrorCode::WriteFailed);
  }
  for (const char* call : {"ftruncate", "write", "fsync"}) {
    SCOPED_TRACE(call);
    EXPECT_EQ(refused(call, ENOSPC), ErrorCode::OutOfResources);
  }
}

TEST_F(AtomicFileFailures, FileSystemsWithoutLocksAreWrittenTo) {
  const FailingCalls failing("flock", ENOLCK, 1000);
  write();
  EXPECT_EQ(read_bytes(path_), "new");
}

TEST_F(AtomicFileFailures, ARenamedFolderIsLeftEmpty) {
  const fs::path elsewhere = scratch_ / "elsewhere";
  for (const bool another : {false, true}) {
    {
      AtomicFile file(path_);
      file.write(text_bytes("new"));
      fs::rename(folder_, elsewhere);
      if (another) fs::create_directory(folder_);
      EXPECT_THROW(file.commit(), Error);
    }
    EXPECT_EQ(std::distance(fs::directory_iterator(elsewhere), {}), 1);
    EXPECT_EQ(read_bytes(elsewhere / "out"), "old");
    if (another) {
      EXPECT_TRUE(fs::is_empty(folder_));
      fs::remove(folder_);
    }
    fs::rename(elsewhere, folder_);
  }
}

TEST_F(AtomicFileFailures, AFolderAtTheTargetIsKept) {
  fs::remove(path_);
  fs::create_directory(path_);
  EXPECT_THROW(AtomicFile{path_}, Error);
  EXPECT_TRUE(fs::is_directory(path_));
  fs::remove(path_);

  AtomicFile file(path_);
  file.write(text_bytes("new"));
  fs::create_directory(path_);  // meanwhile
  EXPECT_THROW(file.commit(), Error);
  EXPECT_TRUE(fs::is_directory(path_));
}

}  // namespace
}  // namespace sapiens

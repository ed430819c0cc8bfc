#include "core/atomic_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "sapiens/error.hpp"

namespace sapiens {
namespace {

// The kernel writes at most 2^31 - 4096 bytes at a time anyway; smaller pieces let signals in.
constexpr std::size_t kLargestWrite = std::size_t{1} << 26;

// The longest name allowed must not become too long by what is added here.
constexpr std::size_t kLongestPart = 200;

std::filesystem::path temporary_name(const std::filesystem::path& path, std::string_view ending) {
  const std::string part = path.filename().string().substr(0, kLongestPart);
  return path.parent_path() / fmt::format(".{}.tmp{}", part, ending);
}

bool is_still_called(int descriptor, const std::filesystem::path& path) noexcept {
  struct stat opened {};
  struct stat named {};
  return ::fstat(descriptor, &opened) == 0 && ::lstat(path.c_str(), &named) == 0 &&
         opened.st_ino == named.st_ino && opened.st_dev == named.st_dev;
}

}  // namespace

AtomicFile::AtomicFile(std::filesystem::path path, std::string_view ending)
    : path_(std::move(path)), temporary_path_(temporary_name(path_, ending)) {
  // Renaming over a device would replace it: `-o /dev/null` as root must not do that.
  std::error_code ignored;
  if (std::filesystem::exists(path_, ignored) &&
      !std::filesystem::is_regular_file(path_, ignored)) {
    throw Error(
        ErrorCode::WriteFailed,
        {.summary = "the output is a folder or a device, not a file", .file = path_.string()});
  }
  while (!take_temporary()) continue;
}

// A run that was killed leaves its temporary behind, unlocked; the next one takes it over, so that
// nothing is left in the end. False if its owner renamed or removed it between our two steps.
bool AtomicFile::take_temporary() {
  // 0666 is what umask narrows, as for any file a shell creates.
  const int flags = O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC;
  const int descriptor = ::open(temporary_path_.c_str(), flags, 0666);
  if (descriptor < 0) fail("the output file cannot be created", errno);
  const bool busy = ::flock(descriptor, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  if (busy || !is_still_called(descriptor, temporary_path_)) {
    ::close(descriptor);
    if (!busy) return false;
    throw Error(ErrorCode::WriteFailed,
                {.summary = "another program is writing this file right now",
                 .file = path_.string(),
                 .hint = "wait for it, or write to another folder"});
  }
  if (::ftruncate(descriptor, 0) != 0) {
    const int error_number = errno;
    ::close(descriptor);
    fail("the output file cannot be emptied", error_number);
  }
  descriptor_ = descriptor;
  return true;
}

AtomicFile::~AtomicFile() {
  if (descriptor_ < 0) return;
  ::unlink(temporary_path_.c_str());  // while it is still locked
  ::close(descriptor_);
}

void AtomicFile::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const std::size_t wanted = std::min(bytes.size(), kLargestWrite);
    const ::ssize_t written = ::write(descriptor_, bytes.data(), wanted);
    if (written < 0) {
      if (errno == EINTR) continue;
      fail("writing the output file failed", errno);
    }
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

void AtomicFile::rewrite(std::uint64_t position, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ::ssize_t written =
        ::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<::off_t>(position));
    if (written < 0) {
      if (errno == EINTR) continue;
      fail("writing the output file failed", errno);
    }
    bytes = bytes.subspan(static_cast<std::size_t>(written));
    position += static_cast<std::uint64_t>(written);
  }
}

void AtomicFile::commit() {
  if (::fsync(descriptor_) != 0) fail("flushing the output file failed", errno);
  if (::rename(temporary_path_.c_str(), path_.c_str()) != 0) {
    fail("the finished file cannot be renamed", errno);
  }
  ::close(descriptor_);
  descriptor_ = -1;
}

void AtomicFile::fail(const char* action, int error_number) const {
  const bool full = error_number == ENOSPC || error_number == EDQUOT;
  std::string hint;
  if (full) hint = "free some space, or write to another disk";
  if (error_number == ENOENT) hint = "create the folder first";
  throw Error(full ? ErrorCode::OutOfResources : ErrorCode::WriteFailed,
              {.summary = action,
               .file = path_.string(),
               .actual = std::generic_category().message(error_number),
               .hint = hint});
}

}  // namespace sapiens

#include "core/atomic_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

#include "core/memory_in_use.hpp"
#include "sapiens/error.hpp"

namespace sapiens {
namespace {

// The temporary name adds a few characters, which must not exceed the longest name of a file
// system.
constexpr std::size_t kMaxPartLength = 200;

std::string temporary_name(const std::filesystem::path& path, std::string_view ending) {
  const std::string part = path.filename().string().substr(0, kMaxPartLength);
  return fmt::format(".{}.tmp{}", part, ending);
}

/// A killed process leaves its temporary file behind; the next run reuses it, so that no files
/// accumulate.
Descriptor take_temporary(const OutputPlace& place, const std::string& temporary,
                          const std::filesystem::path& path) {
  expect_file_or_nothing(path);
  Descriptor file = place.open_locked(temporary);
  if (uninterrupted([&] { return ::ftruncate(file.number(), 0); }) != 0) {
    const int reason = errno;
    place.remove(temporary);  // while it is still locked
    fail_to_write(path, "the output file cannot be emptied", reason);
  }
  return file;
}

// The kernel writes at most 2^31 - 4096 bytes at a time; smaller pieces let signals be handled in
// between.
constexpr std::size_t kMaxWrite = std::size_t{1} << 26;

/// Whether `name` still leads to this file. Throws where the file system does not tell, which is no
/// reason to try again.
bool is_still_called(const Descriptor& file, int folder, const char* name, int flags,
                     const std::filesystem::path& shown) {
  struct stat opened {};
  struct stat named {};
  if (::fstat(file.number(), &opened) != 0 || ::fstatat(folder, name, &named, flags) != 0) {
    // ESTALE: another machine removed it.
    if (errno == ENOENT || errno == ENOTDIR || errno == ESTALE) return false;
    fail_to_write(shown, "the output file cannot be examined", errno);
  }
  return opened.st_ino == named.st_ino && opened.st_dev == named.st_dev;
}

std::filesystem::path folder_of(const std::filesystem::path& path) {
  return path.has_parent_path() ? path.parent_path() : ".";
}

Descriptor open_locked_in(int folder, const char* name, const std::filesystem::path& shown) {
  while (true) {
    // The mode 0666 is restricted by umask, as for files that a shell creates.
    Descriptor file(uninterrupted(
        [&] { return ::openat(folder, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0666); }));
    if (file.number() < 0) fail_to_write(shown, "the output file cannot be created", errno);
    // File systems without locks are written to without one.
    const int locked = uninterrupted([&] { return ::flock(file.number(), LOCK_EX | LOCK_NB); });
    if (locked != 0 && errno == EWOULDBLOCK) {
      throw Error(ErrorCode::WriteFailed,
                  {.summary = "another program is writing this file right now",
                   .file = shown.string(),
                   .hint = "wait for it, or write to another folder"});
    }
    // Tries again where its owner renamed or removed it between opening and locking.
    if (is_still_called(file, folder, name, AT_SYMLINK_NOFOLLOW, shown)) return file;
  }
}

void flush_file(const Descriptor& file, const std::filesystem::path& shown) {
  if (uninterrupted([&] { return ::fsync(file.number()); }) != 0) {
    fail_to_write(shown, "flushing the output file failed", errno);
  }
}

}  // namespace

AtomicFile::AtomicFile(std::filesystem::path path, std::string_view ending)
    : path_(std::move(path)),
      temporary_(temporary_name(path_, ending)),
      temporary_path_(path_.parent_path() / temporary_),
      place_(path_),
      file_(take_temporary(place_, temporary_, path_)) {}

AtomicFile::~AtomicFile() {
  if (file_.number() >= 0) place_.remove(temporary_);  // while it is still locked
}

void AtomicFile::write(std::span<const std::byte> bytes) { write_all(file_, bytes, path_); }

void AtomicFile::rewrite(std::uint64_t position, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ::ssize_t written = uninterrupted([&] {
      return ::pwrite(file_.number(), bytes.data(), bytes.size(), static_cast<::off_t>(position));
    });
    if (written < 0) fail_to_write(path_, "writing the output file failed", errno);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
    position += static_cast<std::uint64_t>(written);
  }
}

void AtomicFile::flush() { flush_file(file_, path_); }

void AtomicFile::commit() {
  place_.commit(file_, temporary_);
  file_.close();
}

OutputPlace::OutputPlace(const std::filesystem::path& path)
    : path_(path), folder_(uninterrupted([&] {
        return ::open(folder_of(path).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
      })) {
  if (folder_.number() < 0) fail_to_write(path_, "the output file cannot be created", errno);
}

Descriptor OutputPlace::open_locked(const std::string& name) const {
  return open_locked_in(folder_.number(), name.c_str(), path_);
}

void OutputPlace::commit(const Descriptor& file, const std::string& name) const {
  flush_file(file, path_);
  if (!is_still_called(folder_, AT_FDCWD, folder_of(path_).c_str(), 0, path_)) {
    throw Error(ErrorCode::WriteFailed,
                {.summary = "the folder of the output file was renamed or removed meanwhile",
                 .file = path_.string()});
  }
  const std::string final_name = path_.filename().string();
  if (uninterrupted([&] {
        return ::renameat(folder_.number(), name.c_str(), folder_.number(), final_name.c_str());
      }) != 0) {
    fail_to_write(path_, "the finished file cannot be renamed", errno);
  }
}

void OutputPlace::remove(const std::string& name) const noexcept {
  ::unlinkat(folder_.number(), name.c_str(), 0);
}

Descriptor open_locked(const std::filesystem::path& path, const std::filesystem::path& shown) {
  return open_locked_in(AT_FDCWD, path.c_str(), shown);
}

void write_all(const Descriptor& file, std::span<const std::byte> bytes,
               const std::filesystem::path& shown) {
  while (!bytes.empty()) {
    const std::size_t wanted = std::min(bytes.size(), kMaxWrite);
    const ::ssize_t written =
        uninterrupted([&] { return ::write(file.number(), bytes.data(), wanted); });
    if (written < 0) fail_to_write(shown, "writing the output file failed", errno);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

void commit_file(const Descriptor& file, const std::filesystem::path& temporary,
                 const std::filesystem::path& path) {
  flush_file(file, path);
  if (uninterrupted([&] { return ::rename(temporary.c_str(), path.c_str()); }) != 0) {
    fail_to_write(path, "the finished file cannot be renamed", errno);
  }
}

void fail_to_write(const std::filesystem::path& shown, const char* summary, int error_number) {
  const bool full = error_number == ENOSPC || error_number == EDQUOT;
  const bool no_memory = error_number == ENOMEM;
  std::string hint;
  if (full) hint = "free some space, or write to another disk";
  if (error_number == ENOENT) hint = "create the folder first";
  throw Error(full || no_memory ? ErrorCode::OutOfResources : ErrorCode::WriteFailed,
              {.summary = summary,
               .file = shown.string(),
               .actual = std::generic_category().message(error_number) +
                         (no_memory ? "; " + memory_in_use() : ""),
               .hint = hint});
}

void expect_file_or_nothing(const std::filesystem::path& path) {
  std::error_code error;
  const bool exists = std::filesystem::exists(path, error);
  // The name of a temporary file is shorter, so that only renaming it would fail.
  if (error == std::errc::filename_too_long) {
    fail_to_write(path, "the output file cannot be created", error.value());
  }
  if (exists && !std::filesystem::is_regular_file(path, error)) {
    throw Error(
        ErrorCode::WriteFailed,
        {.summary = "the output is a folder or a device, not a file", .file = path.string()});
  }
}

}  // namespace sapiens

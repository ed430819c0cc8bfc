#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <type_traits>
#include <utility>

#include "sapiens/error.hpp"

namespace sapiens {

/// An open file, closed by the destructor.
class Descriptor {
 public:
  explicit Descriptor(int opened) noexcept : number_(opened) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { close(); }

  /// Negative when closed.
  int number() const noexcept { return number_; }
  void close() noexcept;

 private:
  int number_;
};

/// Opens a file for reading. Throws `Error`: NotFound, OutOfResources (too many open files), or
/// UnsupportedFormat for a folder, a device or a pipe.
Descriptor open_regular_file(const std::filesystem::path& path);

/// An open regular file, and whether another program has written to it since it was opened.
///
/// Two writes within one tick of the file system's clock, about 4 ms, that leave the size as it was
/// look like one.
class OpenFile {
 public:
  /// Throws as `open_regular_file`.
  explicit OpenFile(const std::filesystem::path& path);
  /// Of a file that is open; `path` is for errors.
  OpenFile(Descriptor file, const std::filesystem::path& path);

  int number() const noexcept { return file_.number(); }
  /// In bytes, when it was opened.
  std::int64_t size() const noexcept { return version_.bytes; }
  /// Throws `Error(CorruptFile)` if the file was written to or cut short since it was opened, or if
  /// a part of it was `unreadable`, as the caller found.
  void require_unchanged(bool unreadable = false) const;

 private:
  /// What changes when somebody writes to a file.
  struct Version {
    std::int64_t bytes = 0;
    std::int64_t seconds = 0;
    std::int64_t nanoseconds = 0;
    bool operator==(const Version&) const = default;
  };
  /// Throws `Error(NotFound)` where the system cannot say it.
  Version current_version() const;

  std::filesystem::path path_;
  Descriptor file_;
  Version version_;
};

/// Throws the `Error` that the functions of this file throw for `error_number`.
[[noreturn]] void fail_to_read(const std::filesystem::path& path, const char* summary,
                               int error_number);

/// Returns the result of the system call `call`, repeated while a signal interrupts it; on network
/// and FUSE file systems that affects open() and fsync(), too. It must not be used for close(),
/// which closes the file even when interrupted.
template <typename Call>
auto uninterrupted(Call call) {
  auto result = call();
  while (result == -1 && errno == EINTR) result = call();
  return result;
}

struct MappedRange;

/// A whole file mapped read-only into memory. Pages are read when they are touched, so mapping a
/// file larger than memory costs nothing.
///
/// Throws `Error`: NotFound for a file that is not there or may not be read, UnsupportedFormat for
/// a folder or a device, OutOfResources for one file too many. An empty file maps to an empty span.
///
/// Another program may write to the file, or cut it short, meanwhile. What is read then is neither
/// the old nor the new content, and zeros behind the end if the program called
/// `guard_mapped_files`; so whoever has read from `bytes` calls `require_unchanged`.
class FileMap {
 public:
  explicit FileMap(const std::filesystem::path& path);
  FileMap(const FileMap&) = delete;
  FileMap& operator=(const FileMap&) = delete;
  ~FileMap();

  std::span<const std::byte> bytes() const noexcept { return bytes_; }

  /// Throws `Error(CorruptFile)` if the file was written to or cut short since it was opened, or a
  /// part of it could not be read from the disk.
  void require_unchanged() const;
  /// What `read(bytes())` returns, if the file is unchanged; if it is not, that is the error, also
  /// where `read` throws another.
  template <typename Read>
  auto checked(Read read) const;

  /// Advises the system that pages will be read at random, so that it reads no neighbours.
  void expect_random_access() const noexcept;
  /// Restores the default, in which the system reads ahead.
  void expect_normal_access() const noexcept;

 private:
  OpenFile file_;
  std::span<const std::byte> bytes_;
  MappedRange* range_ = nullptr;
};

template <typename Read>
auto FileMap::checked(Read read) const {
  try {
    if constexpr (std::is_void_v<std::invoke_result_t<Read, std::span<const std::byte>>>) {
      read(bytes_);
      require_unchanged();
    } else {
      auto result = read(bytes_);
      require_unchanged();
      return result;
    }
  } catch (...) {
    require_unchanged();
    throw;
  }
}

/// Allows the system to drop the pages behind `part` of a FileMap; the next access reads them
/// again. It must not be called on other memory: anonymous pages would lose their content.
void release_mapped(std::span<const std::byte> part) noexcept;

}  // namespace sapiens

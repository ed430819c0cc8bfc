#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "core/open_file.hpp"

namespace sapiens {

/// The place of an output file: a name in a folder that is held open, so that temporary files can
/// be removed even if the folder is renamed meanwhile.
class OutputPlace {
 public:
  /// Throws WriteFailed if there is no such folder.
  explicit OutputPlace(const std::filesystem::path& path);

  /// Opens the file `name` in the folder for reading and writing, keeping its content, or creates
  /// it.
  Descriptor open_locked(const std::string& name) const;
  /// Flushes `file`, whose name is `name`, to the disk and renames it to the output. Throws
  /// WriteFailed if the output would no longer be found under its path.
  void commit(const Descriptor& file, const std::string& name) const;
  void remove(const std::string& name) const noexcept;

 private:
  std::filesystem::path path_;
  Descriptor folder_;
};

/// Opens `path` for reading and writing, keeping its content, or creates it. Until it is closed,
/// other processes that open it this way are refused with WriteFailed. A killed process leaves the
/// file, but no lock.
Descriptor open_locked(const std::filesystem::path& path, const std::filesystem::path& shown);

/// Writes all of `bytes` at the current position.
void write_all(const Descriptor& file, std::span<const std::byte> bytes,
               const std::filesystem::path& shown);

/// Flushes `file`, whose name is `temporary`, to the disk and renames it.
void commit_file(const Descriptor& file, const std::filesystem::path& temporary,
                 const std::filesystem::path& path);

/// Throws WriteFailed, or OutOfResources when the disk is full.
[[noreturn]] void fail_to_write(const std::filesystem::path& shown, const char* summary,
                                int error_number);

/// Throws WriteFailed for a name that is longer than the file system allows, and for a folder or a
/// device, because renaming would replace it: `-o /dev/null`
/// as root must not do that.
void expect_file_or_nothing(const std::filesystem::path& path);

/// A file that is replaced atomically: bytes go to a temporary name in the same folder, and
/// `commit()` renames it. A temporary that was never committed is removed by the destructor, or
/// taken over by the next writer of the same file if the process was killed. Two writers of one
/// file at a time: the second is refused.
///
///   AtomicFile file("features.npy");
///   file.write(header);
///   file.write(values);
///   file.commit();
///
/// Throws `Error`: WriteFailed, or OutOfResources when the disk is full.
class AtomicFile {
 public:
  /// The temporary's name ends in `ending`, for libraries that choose the format by the extension.
  explicit AtomicFile(std::filesystem::path path, std::string_view ending = {});
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  ~AtomicFile();

  /// Appends `bytes`.
  void write(std::span<const std::byte> bytes);

  /// Overwrites bytes that were written before, such as a header that needed the rest first.
  void rewrite(std::uint64_t position, std::span<const std::byte> bytes);

  /// Flushes to the disk, so that `commit` is likely to succeed.
  void flush();

  /// Flushes to the disk and renames; nothing may be written afterwards.
  void commit();

  const std::filesystem::path& temporary_path() const noexcept { return temporary_path_; }

 private:
  std::filesystem::path path_;
  std::string temporary_;
  std::filesystem::path temporary_path_;
  OutputPlace place_;
  Descriptor file_;  // closed once it is committed
};

}  // namespace sapiens

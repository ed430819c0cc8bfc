#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

#include "core/open_file.hpp"

/// Functions shared by files that are written in pieces under a temporary name. `shown` is the
/// final name, for messages.
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

/// Throws WriteFailed for a folder or a device, because renaming would replace it: `-o /dev/null`
/// as root must not do that.
void expect_file_or_nothing(const std::filesystem::path& path);

}  // namespace sapiens

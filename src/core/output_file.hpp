#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

#include "core/open_file.hpp"

/// What files that are written piece by piece under a temporary name have in common. `shown` is the
/// name that the user knows, for messages.
namespace sapiens {

/// Where an output file is made: a name in a folder that is held open, so that what was begun can
/// be removed even if the folder is renamed meanwhile.
class OutputPlace {
 public:
  /// Throws WriteFailed if there is no such folder.
  explicit OutputPlace(const std::filesystem::path& path);

  /// Opens what is called `name` there for reading and writing, with what it holds, or creates it.
  Descriptor open_locked(const std::string& name) const;
  /// Flushes `file`, called `name`, to the disk and gives it the name of the output. Throws
  /// WriteFailed if that would not be found under its path any more.
  void commit(const Descriptor& file, const std::string& name) const;
  void remove(const std::string& name) const noexcept;

 private:
  std::filesystem::path path_;
  Descriptor folder_;
};

/// Opens `path` for reading and writing, with what it holds, or creates it. Until it is closed no
/// other process gets it this way: that one is refused with WriteFailed. A process that is killed
/// leaves the file, but no lock.
Descriptor open_locked(const std::filesystem::path& path, const std::filesystem::path& shown);

/// Writes all of `bytes` where the file stands.
void write_all(const Descriptor& file, std::span<const std::byte> bytes,
               const std::filesystem::path& shown);

/// Flushes `file`, called `temporary`, to the disk and renames it.
void commit_file(const Descriptor& file, const std::filesystem::path& temporary,
                 const std::filesystem::path& path);

/// Throws WriteFailed, or OutOfResources when the disk is full.
[[noreturn]] void fail_to_write(const std::filesystem::path& shown, const char* summary,
                                int error_number);

/// Throws WriteFailed for a folder or a device: renaming over it would replace it, and
/// `-o /dev/null` as root must not do that.
void expect_file_or_nothing(const std::filesystem::path& path);

}  // namespace sapiens

#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

#include "core/open_file.hpp"

/// What files that are written piece by piece under a temporary name have in common. `shown` is the
/// name that the user knows, for messages.
namespace sapiens {

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

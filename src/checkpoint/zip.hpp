#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "checkpoint/file_bytes.hpp"

namespace sapiens {

/// One member of a zip archive, as the central directory describes it.
struct ZipEntry {
  std::string_view name;
  std::uint64_t header_offset = 0;  ///< Of the local header, from the start of the archive.
  std::uint64_t packed_size = 0;
  std::uint64_t size = 0;
  std::uint32_t crc = 0;
  std::uint16_t method = 0;  ///< 0 is "stored", the only one torch writes.
  std::uint16_t flags = 0;
};

/// True if the file ends as zip archives do, with a record that leads to the table of contents.
bool has_zip_directory(std::span<const std::byte> bytes) noexcept;

/// The table of a zip archive (zip64 included). Reading it touches the end of the file only;
/// contents are windows onto the archive, so compressed members are refused.
///
/// Throws `Error(CorruptFile)` for an archive that ends early, overlaps or names a member twice.
class ZipArchive {
 public:
  explicit ZipArchive(FileBytes file);

  const FileBytes& file() const noexcept { return file_; }
  const std::vector<ZipEntry>& entries() const noexcept { return entries_; }

  /// Null when there is none of that name.
  const ZipEntry* find(std::string_view name) const noexcept;

  /// The bytes of a stored member; its checksum is not computed.
  std::span<const std::byte> contents(const ZipEntry& entry) const;

  /// The same after comparing the checksum: for small members that everything else hangs on.
  std::span<const std::byte> checked_contents(const ZipEntry& entry) const;

 private:
  void refuse_overlaps(std::uint64_t directory_offset) const;

  FileBytes file_;
  std::vector<ZipEntry> entries_;
  std::unordered_map<std::string_view, std::size_t> by_name_;
};

}  // namespace sapiens

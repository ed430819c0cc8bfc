#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/file_bytes.hpp"
#include "core/byte_reader.hpp"

namespace sapiens {

/// One member of a zip archive, as the central directory describes it.
struct ZipEntry {
  std::string_view name;
  std::uint64_t header_offset = 0;  ///< Offset of the local header in the archive.
  /// The offset of the next member's header or of the directory; this member may not reach beyond
  /// it.
  std::uint64_t limit = 0;
  std::uint64_t packed_size = 0;
  std::uint64_t size = 0;
  std::uint32_t crc = 0;
  std::uint16_t method = 0;  ///< 0 is "stored", which torch uses for all data.
  std::uint16_t flags = 0;
};

/// True if the file ends with an end record that points to a table of contents.
bool has_zip_directory(std::span<const std::byte> bytes) noexcept;

/// The table of contents, zip64 included. Reads the end of the file only.
///
/// Throws `Error(CorruptFile)` for a table that is not directly in front of its end record, two
/// tables to choose from, and members that leave no room for each other.
std::vector<ZipEntry> read_zip_directory(const FileBytes& file);

/// What a size or offset in `header` is: itself, or the next number of the zip64 field of `extra`.
/// The field's numbers come in the order of the calls.
class Zip64Numbers {
 public:
  Zip64Numbers(std::span<const std::byte> extra, const std::string& source);
  std::uint64_t resolve(std::uint32_t in_header);

 private:
  ByteReader field_;
};

}  // namespace sapiens

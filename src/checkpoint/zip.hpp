#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "checkpoint/file_bytes.hpp"
#include "checkpoint/stored_member.hpp"
#include "core/byte_reader.hpp"

namespace sapiens {

/// One member of a zip archive, as the central directory describes it.
struct ZipEntry {
  std::string_view name;            ///< In `ZipDirectory::bytes`.
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

/// The table of contents and a copy of its bytes, because the file may change while names are
/// compared.
///
/// A copy would have names in the bytes of the original.
struct ZipDirectory {
  ZipDirectory() = default;
  ZipDirectory(ZipDirectory&&) = default;
  ZipDirectory& operator=(ZipDirectory&&) = default;
  ZipDirectory(const ZipDirectory&) = delete;
  ZipDirectory& operator=(const ZipDirectory&) = delete;
  ~ZipDirectory() = default;

  std::vector<std::byte> bytes;
  std::vector<ZipEntry> entries;
};

/// The table of contents, zip64 included. Reads the end of the file only.
///
/// Throws `Error(CorruptFile)` for a table that is not directly in front of its end record, two
/// tables to choose from, and members that leave no room for each other.
ZipDirectory read_zip_directory(const FileBytes& file);

/// What a size or offset in `header` is: itself, or the next number of the zip64 field of `extra`.
/// The field's numbers come in the order of the calls.
class Zip64Numbers {
 public:
  Zip64Numbers(std::span<const std::byte> extra, const std::string& source);
  std::uint64_t resolve(std::uint32_t in_header);

 private:
  ByteReader field_;
};

/// A zip archive (zip64 included). Opening it reads the table of contents at its end only; members
/// are windows onto the archive, so compressed ones are refused.
///
/// Throws `Error(CorruptFile)` for an archive that ends early, overlaps or names a member twice.
class ZipArchive {
 public:
  explicit ZipArchive(FileBytes file);

  const FileBytes& file() const noexcept { return file_; }
  const std::vector<ZipEntry>& entries() const noexcept { return directory_.entries; }

  /// The member of that name, or null.
  const ZipEntry* find(std::string_view name) const noexcept;

  /// A stored member, the same object on every call; its checksum is not computed. Throws where its
  /// local header contradicts the table of contents, or where its bytes would exceed
  /// `ZipEntry::limit`.
  std::shared_ptr<StoredMember> member(const ZipEntry& entry) const;

  /// The bytes of a member; the checksum is not computed.
  std::span<const std::byte> contents(const ZipEntry& entry) const;

  /// The bytes of a member after comparing the checksum, for small members that everything else
  /// depends on.
  std::span<const std::byte> checked_contents(const ZipEntry& entry) const;

  /// Whether the table of contents holds a checksum of the member. A 0 means "not computed"
  /// (`torch.utils.serialization.config.save.compute_crc32 = False`, and `skip_data`, which leaves
  /// out the tensors'), where every other member of the same folder has 0 too.
  bool has_checksum(const ZipEntry& entry) const;

 private:
  std::span<const std::byte> locate(const ZipEntry& entry) const;
  void check_tail(const ZipEntry& entry, std::uint64_t data_end) const;

  FileBytes file_;
  ZipDirectory directory_;
  std::unordered_map<std::string_view, std::size_t> by_name_;
  std::unordered_map<std::string_view, bool> folder_has_checksums_;
  mutable std::mutex mutex_;
  mutable std::vector<std::shared_ptr<StoredMember>> members_;  // created on first use
};

}  // namespace sapiens

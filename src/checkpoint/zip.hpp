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
#include "checkpoint/zip_directory.hpp"

namespace sapiens {

/// A zip archive (zip64 included). Opening it reads the table of contents at its end only; members
/// are windows onto the archive, so compressed ones are refused.
///
/// Throws `Error(CorruptFile)` for an archive that ends early, overlaps or names a member twice.
class ZipArchive {
 public:
  explicit ZipArchive(FileBytes file);

  const FileBytes& file() const noexcept { return file_; }
  const std::vector<ZipEntry>& entries() const noexcept { return entries_; }

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
  std::vector<ZipEntry> entries_;
  std::unordered_map<std::string_view, std::size_t> by_name_;
  std::unordered_map<std::string_view, bool> folder_has_checksums_;
  mutable std::mutex mutex_;
  mutable std::vector<std::shared_ptr<StoredMember>> members_;  // created on first use
};

}  // namespace sapiens

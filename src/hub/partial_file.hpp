#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "core/open_file.hpp"
#include "sapiens/hub.hpp"

namespace sapiens::hub {

/// "model.pth.partial".
std::filesystem::path partial_name(const std::filesystem::path& path);

/// Whether the digest of all of it is known: then content is the same on every server, and a part
/// of something else would be found in the end.
bool has_digest(const RemoteFile& file);

/// Bytes that an earlier download of `file` left and that this one may go on from: their record
/// says that they are a part of the same content.
std::uint64_t partial_size(const RemoteFile& file);

/// The part of a file that has arrived, locked against other processes. It and its record,
/// "model.pth.partial.json" with address, ETag, size and digest, outlive this object and the
/// process unless the file is committed or discarded.
class PartialFile {
 public:
  /// Takes over what an earlier download left. Throws WriteFailed while another process has it.
  explicit PartialFile(const RemoteFile& file);

  PartialFile(const PartialFile&) = delete;
  PartialFile& operator=(const PartialFile&) = delete;
  ~PartialFile();

  std::uint64_t size() const { return size_; }
  /// For If-Range; empty where the server that gave the bytes has none.
  const std::string& etag() const { return etag_; }
  /// Without ETag and digest, the part of another file could not be detected.
  bool can_go_on() const { return size_ > 0 && (!etag_.empty() || has_digest(file_)); }
  const std::filesystem::path& path() const { return path_; }

  /// Forgets what is there, and records what is going to be.
  void restart(const std::string& etag);
  void append(std::span<const std::byte> bytes);

  /// The first bytes, at most `count`.
  std::vector<std::byte> head(std::size_t count) const;

  /// Gives the file its own name.
  void commit();
  /// Removes file and record.
  void discard();

 private:
  void truncate();

  std::filesystem::path final_path_;
  std::filesystem::path path_;
  RemoteFile file_;
  Descriptor descriptor_;
  std::string etag_;
  std::uint64_t size_ = 0;
};

/// Removes the record that a process killed right after `commit` left.
void remove_record(const std::filesystem::path& path);

/// The SHA-256 of a file, 64 digits. `progress` hears how many bytes are through.
std::string sha256_of(const std::filesystem::path& path,
                      const std::function<void(std::uint64_t)>& progress);

}  // namespace sapiens::hub

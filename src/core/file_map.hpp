#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

namespace sapiens {

/// A whole file mapped read-only into memory. Pages are read when they are touched, so mapping a
/// file larger than memory costs nothing.
///
/// Throws `Error`: NotFound for a file that is not there or may not be read, UnsupportedFormat for
/// a folder or a device. An empty file maps to an empty span.
class FileMap {
 public:
  explicit FileMap(const std::filesystem::path& path);
  FileMap(const FileMap&) = delete;
  FileMap& operator=(const FileMap&) = delete;
  ~FileMap();

  std::span<const std::byte> bytes() const noexcept { return bytes_; }

  /// Advises the system that pages will be read at random, so that it reads no neighbours.
  void expect_random_access() const noexcept;
  /// Restores the default, in which the system reads ahead.
  void expect_normal_access() const noexcept;

 private:
  std::span<const std::byte> bytes_;
};

/// Allows the system to drop the pages behind `part` of a FileMap; the next access reads them
/// again. It must not be called on other memory: anonymous pages would lose their content.
void release_mapped(std::span<const std::byte> part) noexcept;

}  // namespace sapiens

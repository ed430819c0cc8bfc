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

  /// Pages will be touched here and there: read no neighbours.
  void expect_random_access() const noexcept;
  /// The system may read ahead again, as it does from the start.
  void expect_normal_access() const noexcept;

 private:
  std::span<const std::byte> bytes_;
};

/// Lets the system take back the pages behind `part` of a FileMap; the next touch reads them again.
/// Never call it on other memory: anonymous pages would lose their content.
void release_mapped(std::span<const std::byte> part) noexcept;

}  // namespace sapiens

#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "core/open_file.hpp"
#include "core/output_file.hpp"

namespace sapiens {

/// A file that is replaced atomically: bytes go to a temporary name in the same folder, and
/// `commit()` renames it. A temporary that was never committed is removed by the destructor, or
/// taken over by the next writer of the same file if the process was killed. Two writers of one
/// file at a time: the second is refused.
///
///   AtomicFile file("features.npy");
///   file.write(header);
///   file.write(values);
///   file.commit();
///
/// Throws `Error`: WriteFailed, or OutOfResources when the disk is full.
class AtomicFile {
 public:
  /// The temporary's name ends in `ending`, for libraries that choose the format by the extension.
  explicit AtomicFile(std::filesystem::path path, std::string_view ending = {});
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  ~AtomicFile();

  /// Appends `bytes`.
  void write(std::span<const std::byte> bytes);

  /// Overwrites bytes that were written before, such as a header that needed the rest first.
  void rewrite(std::uint64_t position, std::span<const std::byte> bytes);

  /// Flushes to the disk and renames; nothing may be written afterwards.
  void commit();

  const std::filesystem::path& temporary_path() const noexcept { return temporary_path_; }

 private:
  std::filesystem::path path_;
  std::string temporary_;
  std::filesystem::path temporary_path_;
  OutputPlace place_;
  Descriptor file_;  // closed once it is committed
};

}  // namespace sapiens

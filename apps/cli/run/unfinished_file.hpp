#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>

#include "cli/terminal/messages.hpp"
#include "core/atomic_file.hpp"

namespace sapiens::cli {

/// A file of a shard that grows in a folder for unfinished files until it gets its name. Errors
/// name the finished file. All functions throw WriteFailed, or OutOfResources when the disk is
/// full.
class UnfinishedFile {
 public:
  /// Creates `path`, empty.
  UnfinishedFile(std::filesystem::path path, std::filesystem::path output);
  /// Creates `path` with the first `bytes` bytes of the file `earlier`, which has as many.
  UnfinishedFile(std::filesystem::path path, std::filesystem::path output,
                 const std::filesystem::path& earlier, std::uint64_t bytes);

  int descriptor() const noexcept { return file_.number(); }
  const std::filesystem::path& output() const noexcept { return output_; }

  /// Sets the length of the file, and its position to the end.
  void cut(std::uint64_t bytes);
  void write_at(std::uint64_t position, std::span<const std::byte> bytes);
  /// Makes sure that all that was written survives a crash of the machine.
  void sync();
  /// Flushes the file and renames it; nothing may be called afterwards.
  void finish();

 private:
  void seek(std::uint64_t position);

  std::filesystem::path path_;
  std::filesystem::path output_;
  Descriptor file_;
};

/// The file that an earlier process left at `unfinished`, or at `output` if it was killed after it
/// had finished the file and before that was recorded. Throws CorruptFile if neither has `bytes`
/// bytes.
std::filesystem::path find_earlier_file(const std::filesystem::path& unfinished,
                                        const std::filesystem::path& output, std::uint64_t bytes);

/// Calls `read`, which takes a `FeatureShard::position` apart. Throws CorruptFile, naming
/// `shard`, if the position is not what `read` expects.
void read_position(const std::filesystem::path& shard, const std::function<void()>& read);

}  // namespace sapiens::cli

#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/byte_writer.hpp"
#include "core/atomic_file.hpp"

namespace sapiens {

/// Writes a zip archive of stored members, each one's data aligned to 64 bytes as torch.save does,
/// with zip64 records where a number needs them. The file appears at `finish()`.
class ZipWriter {
 public:
  explicit ZipWriter(const std::filesystem::path& path);

  /// Begins a member of exactly `size` bytes, which `write` then appends in pieces.
  void begin(std::string name, std::uint64_t size);
  void write(std::span<const std::byte> bytes);
  void end();

  /// Adds a small member in one call.
  void add(std::string name, std::span<const std::byte> bytes);

  void finish();

 private:
  struct Member {
    std::string name;
    std::uint64_t offset = 0;
    std::uint64_t size = 0;
    std::uint32_t crc = 0;
  };

  void append(std::span<const std::byte> bytes);
  static void describe(ByteWriter& out, const Member& member);
  static void describe_end(ByteWriter& out, std::uint64_t count, std::uint64_t offset,
                           std::uint64_t size);

  AtomicFile file_;
  std::uint64_t position_ = 0;
  std::uint64_t written_ = 0;  // bytes of the current member
  std::vector<Member> members_;
};

}  // namespace sapiens

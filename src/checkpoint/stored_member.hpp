#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "checkpoint/file_bytes.hpp"

namespace sapiens {

/// The bytes of one stored member of an archive and their expected checksum. The checksum is
/// computed once, when the first value is read, by all threads that ask for values at that time.
class StoredMember {
 public:
  /// `archive` is borrowed for its name and mapping; `crc` is nullopt where the archive holds none.
  StoredMember(const FileBytes& archive, std::string name, std::span<const std::byte> bytes,
               std::optional<std::uint32_t> crc);

  const std::string& name() const noexcept { return name_; }
  std::span<const std::byte> bytes() const noexcept { return bytes_; }
  bool has_checksum() const noexcept { return crc_.has_value(); }

  /// Adds the path of a tensor in this member, for messages. Not thread-safe against readers.
  void add_tensor(std::string path);
  /// The tensors as text: "backbone.pos_embed" or "a, b, c and 4 more"; empty where there are none.
  std::string tensors_text() const;

  /// Whether the bytes match their checksum; true where there is none to compare. Throws
  /// `Error(CorruptFile)` where they are not those of the file any more.
  bool is_intact() const;
  /// True once `is_intact` has returned true.
  bool was_checked() const noexcept { return state_.load() == State::Intact; }
  /// The computed checksum; valid only after `is_intact`.
  std::uint32_t found_crc() const noexcept { return found_; }
  std::uint32_t expected_crc() const noexcept { return crc_.value_or(0); }

  /// Tells the system that the pages behind the member are not needed again soon.
  void forget() const noexcept;

  /// Throws `Error(CorruptFile)` naming file, tensors and member unless `is_intact`.
  void require_intact() const;

 private:
  enum class State { Unknown, Intact, Damaged };

  std::size_t pieces() const noexcept;
  std::span<const std::byte> piece(std::size_t number) const noexcept;
  void compute_pieces() const;
  void finish() const;

  std::string source_;
  std::string name_;
  std::span<const std::byte> bytes_;
  const FileMap* map_;  // null for bytes in other memory
  std::optional<std::uint32_t> crc_;
  std::vector<std::string> tensors_;  // the first few, for messages
  std::size_t tensor_count_ = 0;

  // The state of the shared computation.
  mutable std::once_flag started_;
  mutable std::vector<std::uint32_t> piece_crcs_;
  mutable std::atomic<std::size_t> next_ = 0;
  mutable std::atomic<std::size_t> done_ = 0;
  mutable std::uint32_t found_ = 0;
  mutable std::atomic<State> state_ = State::Unknown;
};

}  // namespace sapiens

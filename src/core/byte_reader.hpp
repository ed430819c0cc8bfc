#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace sapiens {

/// A cursor over untrusted bytes; parsers read files only through it. Numbers are little-endian.
/// Reading past the end throws `Error(CorruptFile)` naming `source`.
class ByteReader {
 public:
  /// `source` is the name of these bytes in messages: "model.pth: archive/data.pkl".
  ByteReader(std::span<const std::byte> bytes, std::string source);

  const std::string& source() const noexcept { return source_; }
  std::uint64_t position() const noexcept { return position_; }
  std::uint64_t remaining() const noexcept { return bytes_.size() - position_; }

  /// Moves to an absolute position, at most the end.
  void seek(std::uint64_t position);

  std::uint8_t u8();
  std::uint16_t u16();
  std::uint32_t u32();
  std::uint64_t u64();

  /// The next `count` bytes, as a window onto the source.
  std::span<const std::byte> bytes(std::uint64_t count);
  std::string_view text(std::uint64_t count);

  /// Text up to the next newline, which is consumed and not returned.
  std::string_view line();

 private:
  [[noreturn]] void fail_at_end(std::uint64_t wanted) const;

  std::span<const std::byte> bytes_;
  std::string source_;
  std::size_t position_ = 0;
};

/// The bytes as characters, without a copy.
inline std::string_view as_text(std::span<const std::byte> bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace sapiens

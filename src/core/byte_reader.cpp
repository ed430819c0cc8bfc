#include "core/byte_reader.hpp"

#include <fmt/format.h>

#include <utility>

#include "sapiens/error.hpp"

namespace sapiens {
namespace {

template <typename T>
T little_endian(std::span<const std::byte> bytes) noexcept {
  T value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    value = static_cast<T>(value | static_cast<T>(static_cast<T>(bytes[i]) << (8 * i)));
  }
  return value;
}

}  // namespace

ByteReader::ByteReader(std::span<const std::byte> bytes, std::string source)
    : bytes_(bytes), source_(std::move(source)) {}

void ByteReader::seek(std::uint64_t position) {
  if (position > bytes_.size()) {
    throw Error(ErrorCode::CorruptFile,
                {.summary = "a position lies beyond the end of the data",
                 .file = source_,
                 .actual = fmt::format("position {} of {} bytes", position, bytes_.size()),
                 .hint = "the file may be incomplete; download it again"});
  }
  position_ = position;
}

std::uint8_t ByteReader::u8() { return static_cast<std::uint8_t>(bytes(1)[0]); }
std::uint16_t ByteReader::u16() { return little_endian<std::uint16_t>(bytes(2)); }
std::uint32_t ByteReader::u32() { return little_endian<std::uint32_t>(bytes(4)); }
std::uint64_t ByteReader::u64() { return little_endian<std::uint64_t>(bytes(8)); }

std::span<const std::byte> ByteReader::bytes(std::uint64_t count) {
  if (count > remaining()) fail_at_end(count);
  const auto window = bytes_.subspan(position_, count);
  position_ += count;
  return window;
}

std::string_view ByteReader::text(std::uint64_t count) { return as_text(bytes(count)); }

std::string_view ByteReader::line() {
  const std::string_view rest = as_text(bytes_.subspan(position_));
  const std::size_t length = rest.find('\n');
  if (length == std::string_view::npos) fail_at_end(remaining() + 1);
  position_ += length + 1;
  return rest.substr(0, length);
}

void ByteReader::fail_at_end(std::uint64_t wanted) const {
  throw Error(ErrorCode::CorruptFile,
              {.summary = "the data ends too early",
               .file = source_,
               .expected = fmt::format("{} more bytes at position {}", wanted, position_),
               .actual = fmt::format("{} bytes", remaining()),
               .hint = "the file may be incomplete; download it again"});
}

}  // namespace sapiens

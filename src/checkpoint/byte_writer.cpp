#include "checkpoint/byte_writer.hpp"

namespace sapiens {

void ByteWriter::text(std::string_view text) { append(std::as_bytes(std::span(text))); }

void ByteWriter::append(std::span<const std::byte> bytes) {
  bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
}

void ByteWriter::fill(std::size_t count, char letter) {
  bytes_.insert(bytes_.end(), count, static_cast<std::byte>(letter));
}

void ByteWriter::integer(std::uint64_t value, int width) {
  for (int i = 0; i < width; ++i) bytes_.push_back(static_cast<std::byte>(value >> (8 * i)));
}

}  // namespace sapiens

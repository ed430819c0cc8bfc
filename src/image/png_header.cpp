#include <algorithm>
#include <array>
#include <string_view>

#include "image/byte_view.hpp"
#include "image/picture_header.hpp"

// PNG (ISO 15948): a signature, then chunks of length, type, data and a CRC-32 over type and data.
namespace sapiens {
namespace {

constexpr std::size_t kSignatureBytes = 8;

constexpr std::string_view kEssential[] = {"IHDR", "PLTE", "tRNS", "eXIf", "IDAT", "IEND"};

// Tables for CRC-32 four bytes at a time: pictures are checked whole before they are decoded.
using CrcTables = std::array<std::array<std::uint32_t, 256>, 4>;

constexpr CrcTables make_crc_tables() {
  CrcTables tables{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = crc & 1 ? crc >> 1 ^ 0xedb88320u : crc >> 1;
    tables[0][i] = crc;
  }
  for (std::size_t k = 1; k < 4; ++k) {
    for (std::size_t i = 0; i < 256; ++i) {
      const std::uint32_t before = tables[k - 1][i];
      tables[k][i] = before >> 8 ^ tables[0][before & 0xff];
    }
  }
  return tables;
}

constexpr CrcTables kCrc = make_crc_tables();

std::uint32_t crc32(std::span<const std::byte> bytes) noexcept {
  std::uint32_t crc = 0xffffffffu;
  while (bytes.size() >= 4) {
    for (unsigned k = 0; k < 4; ++k) crc ^= std::to_integer<std::uint32_t>(bytes[k]) << (8 * k);
    crc = kCrc[3][crc & 0xff] ^ kCrc[2][crc >> 8 & 0xff] ^ kCrc[1][crc >> 16 & 0xff] ^
          kCrc[0][crc >> 24];
    bytes = bytes.subspan(4);
  }
  for (const std::byte b : bytes) {
    crc = crc >> 8 ^ kCrc[0][(crc ^ std::to_integer<std::uint32_t>(b)) & 0xff];
  }
  return ~crc;
}

struct Chunk {
  std::string_view type;
  std::span<const std::byte> data;
  std::span<const std::byte> whole;  // with length, type and checksum
};

Chunk next_chunk(ByteView& in) {
  const auto all = in.rest();
  const std::uint32_t length = in.u32be();
  const auto checked = in.take(std::uint64_t{length} + 4);
  if (crc32(checked) != in.u32be()) throw BrokenPicture("a checksum in the PNG is wrong");
  return {.type = {reinterpret_cast<const char*>(checked.data()), 4},
          .data = checked.subspan(4),
          .whole = all.first(all.size() - in.rest().size())};
}

PictureSize read_ihdr(std::span<const std::byte> data) {
  ByteView in(data);
  const Index width = in.u32be();
  const Index height = in.u32be();
  if (width == 0 || height == 0) throw BrokenPicture("the PNG says that it has no pixels");
  return {width, height};
}

}  // namespace

PictureSize read_png_header(std::span<const std::byte> bytes) {
  ByteView in(bytes);
  in.take(kSignatureBytes);
  Chunk chunk = next_chunk(in);
  if (chunk.type != "IHDR") throw BrokenPicture("the PNG does not begin with its header");
  const PictureSize size = read_ihdr(chunk.data);
  bool has_data = false;
  while (chunk.type != "IEND") {
    chunk = next_chunk(in);
    has_data |= chunk.type == "IDAT";
  }
  if (!has_data) throw BrokenPicture("the PNG has no picture data");
  return size;
}

std::vector<std::byte> essential_png(std::span<const std::byte> png) {
  std::vector<std::byte> kept;
  kept.reserve(png.size());
  ByteView in(png);
  const auto append = [&](std::span<const std::byte> part) {
    kept.insert(kept.end(), part.begin(), part.end());
  };
  append(in.take(kSignatureBytes));
  for (std::string_view type; type != "IEND";) {
    const Chunk chunk = next_chunk(in);
    type = chunk.type;
    if (std::ranges::find(kEssential, type) != std::end(kEssential)) append(chunk.whole);
  }
  return kept;
}

}  // namespace sapiens

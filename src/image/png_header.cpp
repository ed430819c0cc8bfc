#include <string_view>

#include "core/crc32.hpp"
#include "image/byte_view.hpp"
#include "image/picture_header.hpp"

// PNG (ISO 15948): a signature, then chunks of length, type, data and a CRC-32 over type and data.
namespace sapiens {
namespace {

constexpr std::size_t kSignatureBytes = 8;

struct Chunk {
  std::string_view type;
  std::span<const std::byte> data;
};

Chunk next_chunk(ByteView& in) {
  const std::uint32_t length = in.u32be();
  const auto checked = in.take(std::uint64_t{length} + 4);
  if (crc32(checked) != in.u32be()) throw BrokenPicture("a checksum in the PNG is wrong");
  return {.type = {reinterpret_cast<const char*>(checked.data()), 4}, .data = checked.subspan(4)};
}

PictureHeader read_ihdr(std::span<const std::byte> data) {
  ByteView in(data);
  const Index width = in.u32be();
  const Index height = in.u32be();
  if (width == 0 || height == 0) throw BrokenPicture("the PNG says that it has no pixels");
  return {.width = width, .height = height};
}

}  // namespace

PictureHeader read_png_header(std::span<const std::byte> bytes) {
  ByteView in(bytes);
  in.take(kSignatureBytes);
  Chunk chunk = next_chunk(in);
  if (chunk.type != "IHDR") throw BrokenPicture("the PNG does not begin with its header");
  PictureHeader header = read_ihdr(chunk.data);
  bool has_data = false;
  while (chunk.type != "IEND") {
    chunk = next_chunk(in);
    has_data |= chunk.type == "IDAT";
    if (chunk.type == "eXIf" && header.exif.empty()) header.exif = chunk.data;
  }
  if (!has_data) throw BrokenPicture("the PNG has no picture data");
  return header;
}

}  // namespace sapiens

#include <optional>
#include <string_view>

#include "core/crc32.hpp"
#include "image/byte_view.hpp"
#include "image/image_header.hpp"

// PNG (ISO 15948): a signature, then chunks of length, type, data and a CRC-32 over type and data.
namespace sapiens {
namespace {

constexpr std::size_t kSignatureBytes = 8;

struct Chunk {
  std::string_view type;
  std::span<const std::byte> data;
  bool sound;  // the checksum is correct
};

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// The next chunk; nullopt where the file ends inside it.
std::optional<Chunk> next_chunk(ByteView& in) {
  constexpr std::size_t kLength = 4, kType = 4, kChecksum = 4;
  if (in.rest().size() < kLength + kType) return std::nullopt;
  const std::uint64_t length = ByteView(in).u32be();
  if (in.rest().size() - kLength < kType + length + kChecksum) return std::nullopt;
  in.take(kLength);
  const auto checked = in.take(kType + length);
  return Chunk{.type = text_of(checked.first(kType)),
               .data = checked.subspan(kType),
               .sound = crc32(checked) == in.u32be()};
}

/// True where the file ends inside pixel data.
bool ends_in_data(const ByteView& in) {
  return in.rest().size() >= 8 && text_of(in.rest().subspan(4, 4)) == "IDAT";
}

// ISO 15948, 5.4: a small first letter means that an image can be shown without the chunk.
bool is_critical(std::string_view type) { return (type.front() & 0x20) == 0; }

ImageHeader read_ihdr(std::span<const std::byte> data) {
  ByteView in(data);
  const Index width = in.u32be();
  const Index height = in.u32be();
  if (width == 0 || height == 0) throw BrokenImage("the PNG says that it has no pixels");
  return {.width = width, .height = height};
}

}  // namespace

ImageHeader read_png_header(std::span<const std::byte> bytes) {
  ByteView in(bytes);
  in.take(kSignatureBytes);
  ImageHeader header;
  bool has_data = false;
  while (const std::optional<Chunk> chunk = next_chunk(in)) {
    if (chunk->type == "IEND") {
      header.ends_early = !chunk->sound;
      if (!has_data) throw BrokenImage("the PNG has no image data");
      return header;
    }
    if (!chunk->sound && is_critical(chunk->type)) {
      throw BrokenImage("a checksum in the PNG is wrong");
    }
    if (header.width == 0) {
      if (chunk->type != "IHDR") throw BrokenImage("the PNG does not begin with its header");
      header = read_ihdr(chunk->data);
    }
    has_data |= chunk->type == "IDAT";
    const bool orientation = chunk->type == "eXIf" && chunk->sound;
    if (orientation && header.exif.empty()) header.exif = chunk->data;
  }
  if (!has_data || ends_in_data(in)) throw BrokenImage("the file ends early");
  header.ends_early = true;  // the decoder checks that all rows are there
  return header;
}

}  // namespace sapiens

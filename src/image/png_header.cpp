#include <algorithm>
#include <string_view>

#include "core/crc32.hpp"
#include "image/byte_view.hpp"
#include "image/picture_header.hpp"

// PNG (ISO 15948): a signature, then chunks of length, type, data and a CRC-32 over type and data.
namespace sapiens {
namespace {

constexpr std::size_t kSignatureBytes = 8;

constexpr std::string_view kEssential[] = {"IHDR", "PLTE", "tRNS", "eXIf", "IDAT", "IEND"};

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

#include <fmt/format.h>
#include <png.h>

#include <csetjmp>
#include <cstring>
#include <new>
#include <optional>
#include <string_view>

#include "core/byte_reader.hpp"
#include "core/crc32.hpp"
#include "image/byte_view.hpp"
#include "image/image_header.hpp"
#include "image/pixels.hpp"

// libpng reports errors through a function that must not return, so `fail` jumps back to the last
// `setjmp`. Between the two there are frames of libpng, of `read_header` and `read_rows`, which
// call setjmp, and of what those call; they hold nothing that has a destructor.
namespace sapiens {
namespace {

struct Reader {
  std::span<const std::byte> rest;
  png_structp png = nullptr;
  png_infop info = nullptr;
  int passes = 1;  // 7 for interlaced images
  char message[128] = "";
  bool has_all_rows = false;

  explicit Reader(std::span<const std::byte> bytes);
  ~Reader() { png_destroy_read_struct(&png, &info, nullptr); }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
};

[[noreturn]] void fail(png_structp png, png_const_charp message) {
  auto& failed = *static_cast<Reader*>(png_get_error_ptr(png));
  std::strncpy(failed.message, message, sizeof(failed.message) - 1);
  png_longjmp(png, 1);
}

void print_nothing(png_structp, png_const_charp) {}

void take_bytes(png_structp png, png_bytep out, std::size_t count) {
  auto& in = *static_cast<Reader*>(png_get_io_ptr(png));
  if (count > in.rest.size()) png_error(png, "the file ends early");
  std::memcpy(out, in.rest.data(), count);
  in.rest = in.rest.subspan(count);
}

Reader::Reader(std::span<const std::byte> bytes)
    : rest(bytes), png(png_create_read_struct(PNG_LIBPNG_VER_STRING, this, fail, print_nothing)) {
  if (png != nullptr) info = png_create_info_struct(png);
}

// Requests the transformations of OpenCV's IMREAD_COLOR: 8 bits, three channels, no alpha, no
// gamma.
void ask_for_rgb(Reader& in) {
  const int color = png_get_color_type(in.png, in.info);
  png_set_strip_16(in.png);
  png_set_strip_alpha(in.png);
  if (color == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(in.png);
  if ((color & PNG_COLOR_MASK_COLOR) == 0) {
    png_set_expand_gray_1_2_4_to_8(in.png);
    png_set_gray_to_rgb(in.png);
  }
}

// Requests one byte per pixel, whatever it means; other kinds of PNG are refused later.
void ask_for_stored_values(Reader& in) { png_set_packing(in.png); }

bool read_header(Reader& in, void (*transform)(Reader&)) {
  if (setjmp(png_jmpbuf(in.png)) != 0) return false;
  png_set_read_fn(in.png, &in, take_bytes);
  // Profiles, texts and times are skipped: they change no pixel, and may unpack to a lot.
  png_set_keep_unknown_chunks(in.png, PNG_HANDLE_CHUNK_NEVER, nullptr, -1);
  // `Image::decode` checks its own limits
  png_set_user_limits(in.png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
  png_read_info(in.png, in.info);
  transform(in);
  in.passes = png_set_interlace_handling(in.png);
  png_read_update_info(in.png, in.info);
  return true;
}

// Reads rows as png_read_image does and calls `check` between them. Its exception is rethrown here,
// where no frame of libpng is on the stack.
bool read_rows(Reader& in, png_bytep pixels, std::size_t row_bytes, png_uint_32 height,
               const StopCheck& check) {
  if (setjmp(png_jmpbuf(in.png)) != 0) return false;
  for (int pass = 0; pass < in.passes; ++pass) {
    for (png_uint_32 y = 0; y < height; ++y) {
      if (check) check();
      png_read_row(in.png, pixels + y * row_bytes, nullptr);
    }
  }
  in.has_all_rows = true;
  png_read_end(in.png, nullptr);
  return true;
}

void start(Reader& in, const ImageHeader& header, void (*transform)(Reader&)) {
  if (in.info == nullptr) throw std::bad_alloc();
  if (!read_header(in, transform)) throw BrokenImage(in.message);
  expect_header_size(header, png_get_image_width(in.png, in.info),
                     png_get_image_height(in.png, in.info));
}

void finish(Reader& in, std::span<std::uint8_t> pixels, const ImageHeader& header,
            const StopCheck& check) {
  const std::size_t row_bytes = pixels.size() / static_cast<std::size_t>(header.height);
  const auto height = static_cast<png_uint_32>(header.height);
  if (read_rows(in, pixels.data(), row_bytes, height, check)) return;
  // Errors after the last row affect no pixel.
  if (!in.has_all_rows || !header.ends_early) throw BrokenImage(in.message);
}

std::string_view kind_name(int color) {
  switch (color) {
    case PNG_COLOR_TYPE_PALETTE:
      return "a palette";
    case PNG_COLOR_TYPE_GRAY:
      return "grey";
    case PNG_COLOR_TYPE_GRAY_ALPHA:
      return "grey and alpha";
    default:
      return "red, green and blue";
  }
}

// PNG (ISO 15948): a signature, then chunks of length, type, data and a CRC-32 over type and data.
constexpr std::size_t kSignatureBytes = 8;

struct Chunk {
  std::string_view type;
  std::span<const std::byte> data;
  bool sound;  // the checksum is correct
};

/// The next chunk; nullopt where the file ends inside it.
std::optional<Chunk> next_chunk(ByteView& in) {
  constexpr std::size_t kLength = 4, kType = 4, kChecksum = 4;
  if (in.rest().size() < kLength + kType) return std::nullopt;
  const std::uint64_t length = ByteView(in).u32be();
  if (in.rest().size() - kLength < kType + length + kChecksum) return std::nullopt;
  in.take(kLength);
  const auto checked = in.take(kType + length);
  return Chunk{.type = as_text(checked.first(kType)),
               .data = checked.subspan(kType),
               .sound = crc32(checked) == in.u32be()};
}

/// True where the file ends inside pixel data.
bool ends_in_data(const ByteView& in) {
  return in.rest().size() >= 8 && as_text(in.rest().subspan(4, 4)) == "IDAT";
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

Image decode_png(std::span<const std::byte> bytes, const ImageHeader& header,
                 const StopCheck& check) {
  Reader in(bytes);
  start(in, header, ask_for_rgb);
  if (png_get_rowbytes(in.png, in.info) != static_cast<std::size_t>(header.width) * 3) {
    throw BrokenImage("its pixels cannot be turned into red, green and blue");
  }
  Image image = make_image(header.height, header.width);
  finish(in, image.rgb, header, check);
  return image;
}

std::vector<std::uint8_t> decode_png_values(std::span<const std::byte> bytes,
                                            const ImageHeader& header) {
  Reader in(bytes);
  start(in, header, ask_for_stored_values);
  const int color = png_get_color_type(in.png, in.info);
  const int bits = png_get_bit_depth(in.png, in.info);  // 8 after unpacking
  if ((color != PNG_COLOR_TYPE_PALETTE && color != PNG_COLOR_TYPE_GRAY) || bits != 8) {
    throw UnreadableImage(
        fmt::format("a PNG of {} in {} bits", kind_name(color), bits),
        "save class ids as a PNG with a palette or in grey, of 8 bits, as `write_class_png` does");
  }
  std::vector<std::uint8_t> values(static_cast<std::size_t>(header.width * header.height));
  finish(in, values, header, {});
  return values;
}

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

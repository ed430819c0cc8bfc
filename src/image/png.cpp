#include <png.h>

#include <algorithm>
#include <csetjmp>
#include <cstring>
#include <new>
#include <utility>

#include "image/codecs.hpp"
#include "image/pixels.hpp"

// libpng reports errors through a function that must not return, so `fail` jumps back to the last
// `setjmp`. Between the two there are frames of libpng, and of the two functions below that call
// setjmp; those hold nothing that has a destructor.
namespace sapiens {
namespace {

struct Reader {
  std::span<const std::byte> rest;
  png_structp png = nullptr;
  png_infop info = nullptr;
  char message[128] = "";

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

// The transformations of OpenCV's IMREAD_COLOR: 8 bits, three channels, no alpha, no gamma.
bool read_header(Reader& in) {
  if (setjmp(png_jmpbuf(in.png)) != 0) return false;
  png_set_read_fn(in.png, &in, take_bytes);
  // Profiles, texts and times are skipped: they change no pixel, and may unpack to a lot.
  png_set_keep_unknown_chunks(in.png, PNG_HANDLE_CHUNK_NEVER, nullptr, -1);
  png_set_user_limits(in.png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);  // `Image::decode` has its own
  png_read_info(in.png, in.info);
  const int color = png_get_color_type(in.png, in.info);
  png_set_strip_16(in.png);
  png_set_strip_alpha(in.png);
  if (color == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(in.png);
  if ((color & PNG_COLOR_MASK_COLOR) == 0) {
    png_set_expand_gray_1_2_4_to_8(in.png);
    png_set_gray_to_rgb(in.png);
  }
  png_set_interlace_handling(in.png);
  png_read_update_info(in.png, in.info);
  return true;
}

bool read_rows(Reader& in, png_bytepp rows) {
  if (setjmp(png_jmpbuf(in.png)) != 0) return false;
  png_read_image(in.png, rows);
  png_read_end(in.png, nullptr);
  return true;
}

}  // namespace

Image decode_png(std::span<const std::byte> bytes, const PictureHeader& header) {
  Reader in(bytes);
  if (in.info == nullptr) throw std::bad_alloc();
  if (!read_header(in)) throw BrokenPicture(in.message);
  expect_header_size(header, png_get_image_width(in.png, in.info),
                     png_get_image_height(in.png, in.info));
  Image image = make_image(header.height, header.width);
  const auto row_bytes = static_cast<std::size_t>(header.width) * 3;
  if (png_get_rowbytes(in.png, in.info) != row_bytes) {
    throw BrokenPicture("its pixels cannot be turned into red, green and blue");
  }
  std::vector<png_bytep> rows(static_cast<std::size_t>(header.height));
  std::generate(rows.begin(), rows.end(), [row = image.rgb.data(), row_bytes]() mutable {
    return std::exchange(row, row + row_bytes);
  });
  if (!read_rows(in, rows.data())) throw BrokenPicture(in.message);
  return image;
}

}  // namespace sapiens

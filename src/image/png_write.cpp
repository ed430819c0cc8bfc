#include <png.h>
#include <zlib.h>

#include <csetjmp>
#include <new>
#include <span>
#include <utility>

#include "image/codecs.hpp"

// As in png.cpp, nothing between `fail` and `setjmp` has a destructor.
namespace sapiens {
namespace {

struct Writer {
  std::vector<std::byte> bytes;
  png_structp png = nullptr;
  png_infop info = nullptr;

  Writer();
  ~Writer() { png_destroy_write_struct(&png, &info); }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;
};

[[noreturn]] void fail(png_structp png, png_const_charp) { png_longjmp(png, 1); }

void print_nothing(png_structp, png_const_charp) {}

bool append(std::vector<std::byte>& bytes, std::span<const std::byte> more) noexcept {
  try {
    bytes.insert(bytes.end(), more.begin(), more.end());
    return true;
  } catch (const std::bad_alloc&) {
    return false;
  }
}

// The exception is over before libpng's frames are left.
void keep_bytes(png_structp png, png_bytep data, std::size_t count) {
  auto& out = *static_cast<Writer*>(png_get_io_ptr(png));
  if (!append(out.bytes, std::as_bytes(std::span(data, count)))) png_error(png, "out of memory");
}

void flush_nothing(png_structp) {}

Writer::Writer() : png(png_create_write_struct(PNG_LIBPNG_VER_STRING, this, fail, print_nothing)) {
  if (png != nullptr) info = png_create_info_struct(png);
}

// Filter, level and strategy are those of OpenCV: the file is the same, byte for byte.
bool write_picture(Writer& out, const Image& image) {
  if (setjmp(png_jmpbuf(out.png)) != 0) return false;
  png_set_write_fn(out.png, &out, keep_bytes, flush_nothing);
  png_set_user_limits(out.png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
  png_set_filter(out.png, PNG_FILTER_TYPE_BASE, PNG_FILTER_SUB);
  png_set_compression_level(out.png, Z_BEST_SPEED);
  png_set_compression_strategy(out.png, Z_RLE);
  png_set_IHDR(out.png, out.info, static_cast<png_uint_32>(image.width),
               static_cast<png_uint_32>(image.height), 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_write_info(out.png, out.info);
  for (Index y = 0; y < image.height; ++y) {
    png_write_row(out.png, image.rgb.data() + y * image.width * 3);
  }
  png_write_end(out.png, nullptr);
  return true;
}

}  // namespace

std::vector<std::byte> encode_png(const Image& image) {
  Writer out;
  if (out.info == nullptr || !write_picture(out, image)) throw std::bad_alloc();
  return std::move(out.bytes);
}

}  // namespace sapiens

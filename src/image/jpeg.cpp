#include <algorithm>
#include <array>
#include <csetjmp>
#include <cstdio>
#include <exception>
#include <new>
#include <string>
#include <vector>

#include "image/codecs.hpp"
#include "image/pixels.hpp"
// jpeglib.h uses names of <cstdio>; jerror.h numbers its messages by the configuration in
// jpeglib.h.
// clang-format off
#include <jpeglib.h>
#include <jerror.h>
// clang-format on

// libjpeg reports errors through a function that must not return, so `fail` jumps back to the last
// `setjmp`. Between the two there are frames of libjpeg, and of the two functions below that call
// setjmp; those hold nothing that has a destructor.
namespace sapiens {
namespace {

struct Decompressor {
  jpeg_decompress_struct jpeg{};
  jpeg_error_mgr errors{};
  std::jmp_buf escape{};
  std::array<char, JMSG_LENGTH_MAX> message{};
  jpeg_progress_mgr progress{};
  const StopCheck* check = nullptr;
  std::exception_ptr stopped = {};  // what the check threw

  Decompressor();
  ~Decompressor() { jpeg_destroy_decompress(&jpeg); }
  Decompressor(const Decompressor&) = delete;
  Decompressor& operator=(const Decompressor&) = delete;
};

[[noreturn]] void fail(j_common_ptr jpeg) {
  auto& failed = *static_cast<Decompressor*>(jpeg->client_data);
  jpeg->err->format_message(jpeg, failed.message.data());
  std::longjmp(failed.escape, 1);
}

// Cameras fill the end of a scan with equal bytes, which harms nobody. What a damaged scan leaves
// over is a mix. libjpeg warns with its cursor behind these bytes and in front of the next marker.
bool is_padding(j_common_ptr common) {
  const auto& jpeg = *reinterpret_cast<j_decompress_ptr>(common);
  const auto skipped = static_cast<std::size_t>(common->err->msg_parm.i[0]);
  const JOCTET* const first = jpeg.src->next_input_byte - skipped;
  return std::all_of(first, first + skipped, [first](JOCTET byte) { return byte == *first; });
}

// Other warnings are about headers, such as an unknown version of JFIF.
bool is_damage(j_common_ptr jpeg) {
  switch (jpeg->err->msg_code) {
    case JWRN_ARITH_BAD_CODE:
    case JWRN_HIT_MARKER:
    case JWRN_HUFF_BAD_CODE:
    case JWRN_JPEG_EOF:
    case JWRN_MUST_RESYNC:
      return true;
    case JWRN_EXTRANEOUS_DATA:
      return !is_padding(jpeg);
    default:
      return false;
  }
}

void judge_message(j_common_ptr jpeg, int level) {
  constexpr int kWarning = -1;
  if (level == kWarning && is_damage(jpeg)) fail(jpeg);
}

// libjpeg calls it for every row of blocks, of every scan where there are several. An exception
// must not pass its frames, so it waits until they have been left.
void look(j_common_ptr jpeg) {
  auto& in = *static_cast<Decompressor*>(jpeg->client_data);
  try {
    if (*in.check) (*in.check)();
  } catch (...) {
    in.stopped = std::current_exception();
  }
  if (in.stopped) std::longjmp(in.escape, 1);
}

void print_nothing(j_common_ptr) {}

Decompressor::Decompressor() {
  jpeg.err = jpeg_std_error(&errors);
  errors.error_exit = fail;
  errors.emit_message = judge_message;
  errors.output_message = print_nothing;
  jpeg.client_data = this;
}

bool read_header(Decompressor& in, std::span<const std::byte> bytes) {
  if (setjmp(in.escape) != 0) return false;
  jpeg_create_decompress(&in.jpeg);
  in.progress.progress_monitor = look;
  in.jpeg.progress = &in.progress;
  jpeg_mem_src(&in.jpeg, reinterpret_cast<const JOCTET*>(bytes.data()), bytes.size());
  jpeg_read_header(&in.jpeg, TRUE);
  return true;
}

// OpenCV's formula, whose >> 8 darkens by up to one step. Adobe stores the four inks inverted,
// which is what it expects.
void cmyk_to_rgb(const std::uint8_t* cmyk, std::size_t pixels, std::uint8_t* rgb) {
  for (; pixels > 0; --pixels, cmyk += 4) {
    const int k = cmyk[3];
    for (int i = 0; i < 3; ++i) *rgb++ = static_cast<std::uint8_t>(k - ((255 - cmyk[i]) * k >> 8));
  }
}

// `cmyk` is room for a row of four inks; null for a picture that libjpeg turns into RGB by itself.
bool read_rows(Decompressor& in, std::uint8_t* rgb, std::uint8_t* cmyk) {
  if (setjmp(in.escape) != 0) return false;
  in.jpeg.out_color_space = cmyk == nullptr ? JCS_RGB : JCS_CMYK;
  jpeg_start_decompress(&in.jpeg);
  while (in.jpeg.output_scanline < in.jpeg.output_height) {
    std::uint8_t* const out = rgb + std::size_t{in.jpeg.output_scanline} * in.jpeg.output_width * 3;
    JSAMPROW row = cmyk == nullptr ? out : cmyk;
    jpeg_read_scanlines(&in.jpeg, &row, 1);
    if (cmyk != nullptr) cmyk_to_rgb(cmyk, in.jpeg.output_width, out);
  }
  jpeg_finish_decompress(&in.jpeg);
  return true;
}

[[noreturn]] void throw_failure(const Decompressor& failed) {
  if (failed.stopped) std::rethrow_exception(failed.stopped);
  switch (failed.errors.msg_code) {
    case JERR_OUT_OF_MEMORY:
      throw std::bad_alloc();
#if JPEG_LIB_VERSION < 70  // Debian's; Ubuntu's has another interface, which always decodes it
    case JERR_ARITH_NOTIMPL:
#endif
    case JERR_BAD_PRECISION:
    case JERR_CONVERSION_NOTIMPL:
    case JERR_IMAGE_TOO_BIG:
    case JERR_SOF_UNSUPPORTED:
      throw UnreadablePicture(std::string("a JPEG of a rare kind: ") + failed.message.data(),
                              "save it anew as an ordinary JPEG with an image editor");
    default:
      throw BrokenPicture(failed.message.data());
  }
}

}  // namespace

Image decode_jpeg(std::span<const std::byte> bytes, const PictureHeader& header,
                  const StopCheck& check) {
  Decompressor in;
  in.check = &check;
  if (!read_header(in, bytes)) throw_failure(in);
  expect_header_size(header, in.jpeg.image_width, in.jpeg.image_height);
  Image image = make_image(header.height, header.width);
  std::vector<std::uint8_t> cmyk;
  if (in.jpeg.num_components == 4) cmyk.resize(static_cast<std::size_t>(header.width) * 4);
  if (!read_rows(in, image.rgb.data(), cmyk.empty() ? nullptr : cmyk.data())) throw_failure(in);
  return image;
}

}  // namespace sapiens

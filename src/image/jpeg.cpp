#include <algorithm>
#include <array>
#include <csetjmp>
#include <cstdio>
#include <exception>
#include <iterator>
#include <new>
#include <string>
#include <vector>

#include "image/image_header.hpp"
#include "image/jpeg_scan.hpp"
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
  const JOCTET* first_byte = nullptr;  // the start of the file
  bool in_scan = false;                // the last segment was the header of a scan
  bool ends_early = false;             // libjpeg inserted a missing end marker
  // True where a file that ends early lacks pixels, not only the end marker.
  bool incomplete = false;
  jpeg_progress_mgr progress{};
  const StopCheck* check = nullptr;
  std::exception_ptr stopped = {};  // the exception of the check

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

HuffmanTable table_of(const JHUFF_TBL& from) {
  HuffmanTable table;
  std::copy(std::begin(from.bits), std::end(from.bits), table.counts.begin());
  std::copy(std::begin(from.huffval), std::end(from.huffval), table.values.begin());
  return table;
}

// The start of the coded data before `end`, after a restart marker or the scan header; null where
// it is not found.
const JOCTET* start_of_data(const JOCTET* first, const JOCTET* end) {
  for (const JOCTET* at = end - 2; at >= first; --at) {
    if (at[0] != 0xff || at[1] == 0 || at[1] == 0xff) continue;
    if (0xd0 <= at[1] && at[1] <= 0xd7) return at + 2;
    if (at[1] != 0xda || end - at < 4) return nullptr;
    const JOCTET* const data = at + 2 + (at[2] << 8 | at[3]);
    return data <= end ? data : nullptr;
  }
  return nullptr;
}

// Checks the scan that libjpeg has just read, whose data ends at `end`.
bool ends_in_stray_bytes(const jpeg_decompress_struct& jpeg, const JOCTET* first,
                         const JOCTET* end) {
  if (jpeg.progressive_mode || jpeg.arith_code) return false;  // these need a reader of their own
  const JOCTET* const data = start_of_data(first, end);
  if (data == nullptr) return false;
  std::array<HuffmanTable, 2 * MAX_COMPS_IN_SCAN> tables;
  ScanData scan{.units = std::uint64_t{jpeg.MCUs_per_row} * jpeg.MCU_rows_in_scan,
                .bytes = {data, end}};
  for (int i = 0; i < jpeg.blocks_in_MCU; ++i) {
    const int number = jpeg.MCU_membership[i];
    const jpeg_component_info& component = *jpeg.cur_comp_info[number];
    const JHUFF_TBL* const dc = jpeg.dc_huff_tbl_ptrs[component.dc_tbl_no];
    const JHUFF_TBL* const ac = jpeg.ac_huff_tbl_ptrs[component.ac_tbl_no];
    if (dc == nullptr || ac == nullptr) return false;
    HuffmanTable* const pair = &tables[2 * static_cast<std::size_t>(number)];
    pair[0] = table_of(*dc);
    pair[1] = table_of(*ac);
    scan.unit.push_back({&pair[0], &pair[1]});
  }
  const bool restarted = data[-2] == 0xff && 0xd0 <= data[-1] && data[-1] <= 0xd7;
  if (restarted && jpeg.restart_interval > 0) {
    const std::uint64_t last = scan.units % jpeg.restart_interval;
    scan.units = last == 0 ? jpeg.restart_interval : last;
  }
  return sapiens::ends_in_stray_bytes(scan);
}

bool is_text(const JOCTET* first, const JOCTET* end) {
  constexpr std::ptrdiff_t kMin = 8;  // this many by chance are one in a thousand
  return end - first >= kMin &&
         std::all_of(first, end, [](JOCTET byte) { return ' ' <= byte && byte <= '~'; });
}

// Bytes after the pixels of a scan are harmless: cameras fill it up with equal bytes, and tools add
// text. A damaged scan in contrast leaves pixels missing. libjpeg warns with its cursor behind
// these bytes and in front of the next marker.
bool is_harmless(j_common_ptr common) noexcept {
  const auto& self = *static_cast<const Decompressor*>(common->client_data);
  const auto& jpeg = *reinterpret_cast<j_decompress_ptr>(common);
  const JOCTET* const end = jpeg.src->next_input_byte;
  const JOCTET* const first = end - static_cast<std::size_t>(common->err->msg_parm.i[0]);
  if (std::all_of(first, end, [first](JOCTET byte) { return byte == *first; })) return true;
  if (is_text(first, end)) return true;
  const bool before_restart =
      common->err->msg_parm.i[1] >= 0xd0 && common->err->msg_parm.i[1] <= 0xd7;
  if (before_restart || std::find(first, end, JOCTET{0xff}) != end) return false;
  try {
    return ends_in_stray_bytes(jpeg, self.first_byte, end);
  } catch (const std::bad_alloc&) {
    return false;
  }
}

// Other warnings are about headers, such as an unknown version of JFIF.
bool is_damage(j_common_ptr jpeg, bool in_scan) {
  switch (jpeg->err->msg_code) {
    case JWRN_ARITH_BAD_CODE:
    case JWRN_HIT_MARKER:
    case JWRN_HUFF_BAD_CODE:
    case JWRN_MUST_RESYNC:
      return true;
    case JWRN_EXTRANEOUS_DATA:
      return in_scan && !is_harmless(jpeg);
    default:
      return false;
  }
}

// libjpeg reports every segment that it reads.
bool is_another_segment(int message) {
  switch (message) {
    case JTRC_ADOBE:
    case JTRC_APP0:
    case JTRC_APP14:
    case JTRC_DAC:
    case JTRC_DHT:
    case JTRC_DQT:
    case JTRC_DRI:
    case JTRC_EOI:
    case JTRC_JFIF:
    case JTRC_MISC_MARKER:
    case JTRC_SOF:
      return true;
    default:
      return false;
  }
}

void judge_message(j_common_ptr jpeg, int level) {
  constexpr int kWarning = -1;
  auto& self = *static_cast<Decompressor*>(jpeg->client_data);
  const int message = jpeg->err->msg_code;
  if (level == kWarning) {
    self.ends_early |= message == JWRN_JPEG_EOF;
    if (is_damage(jpeg, self.in_scan)) fail(jpeg);
  } else if (message == JTRC_SOS) {
    self.in_scan = true;
  } else if (is_another_segment(message)) {
    self.in_scan = false;
  }
}

// libjpeg calls this for every row of blocks of every scan. An exception must not pass through its
// frames, so it is stored until they have been left.
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
  in.first_byte = reinterpret_cast<const JOCTET*>(bytes.data());
  jpeg_create_decompress(&in.jpeg);
  jpeg_mem_src(&in.jpeg, in.first_byte, bytes.size());
  in.progress.progress_monitor = look;
  in.jpeg.progress = &in.progress;
  jpeg_read_header(&in.jpeg, TRUE);
  return true;
}

// Uses OpenCV's formula, whose >> 8 darkens by up to one step. Adobe stores the four inks inverted,
// as the formula expects.
void cmyk_to_rgb(const std::uint8_t* cmyk, std::size_t pixels, std::uint8_t* rgb) {
  for (; pixels > 0; --pixels, cmyk += 4) {
    const int k = cmyk[3];
    for (int i = 0; i < 3; ++i) *rgb++ = static_cast<std::uint8_t>(k - ((255 - cmyk[i]) * k >> 8));
  }
}

// True where all bits of each coefficient of a progressive image were read.
bool has_all_bits(const jpeg_decompress_struct& jpeg) {
  if (!jpeg.progressive_mode || jpeg.coef_bits == nullptr) return true;
  for (int component = 0; component < jpeg.num_components; ++component) {
    const int* const bits = jpeg.coef_bits[component];
    if (std::any_of(bits, bits + DCTSIZE2, [](int missing) { return missing != 0; })) return false;
  }
  return true;
}

// `cmyk` has room for a row of four inks; null for an image that libjpeg converts to RGB itself.
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
  // The flag is valid only until the next line. For arithmetic codes the end cannot be checked.
  in.incomplete = !has_all_bits(in.jpeg) || in.jpeg.arith_code;
  jpeg_finish_decompress(&in.jpeg);
  return true;
}

[[noreturn]] void throw_failure(const Decompressor& failed, bool ends_early) {
  if (failed.stopped) std::rethrow_exception(failed.stopped);
  switch (failed.errors.msg_code) {
    case JERR_OUT_OF_MEMORY:
      throw std::bad_alloc();
#if JPEG_LIB_VERSION < 70  // Debian's version; Ubuntu's has another interface and always decodes it
    case JERR_ARITH_NOTIMPL:
#endif
    case JERR_BAD_PRECISION:
    case JERR_CONVERSION_NOTIMPL:
    case JERR_IMAGE_TOO_BIG:
    case JERR_SOF_UNSUPPORTED:
      throw UnreadableImage(std::string("a JPEG of a rare kind: ") + failed.message.data(),
                            "save it anew as an ordinary JPEG with an image editor");
    default:
      throw BrokenImage(ends_early ? "the file ends early" : failed.message.data());
  }
}

}  // namespace

Image decode_jpeg(std::span<const std::byte> bytes, const ImageHeader& header,
                  const StopCheck& check) {
  Decompressor in;
  in.check = &check;
  if (!read_header(in, bytes)) throw_failure(in, header.ends_early);
  expect_header_size(header, in.jpeg.image_width, in.jpeg.image_height);
  Image image = make_image(header.height, header.width);
  std::vector<std::uint8_t> cmyk;
  if (in.jpeg.num_components == 4) cmyk.resize(static_cast<std::size_t>(header.width) * 4);
  if (!read_rows(in, image.rgb.data(), cmyk.empty() ? nullptr : cmyk.data())) {
    throw_failure(in, header.ends_early || in.ends_early);
  }
  if (in.ends_early && in.incomplete) throw BrokenImage("the file ends early");
  return image;
}

}  // namespace sapiens

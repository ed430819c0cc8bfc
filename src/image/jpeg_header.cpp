#include <fmt/format.h>

#include <algorithm>

#include "image/byte_view.hpp"
#include "image/picture_header.hpp"

// ITU T.81 (JPEG), annex B: a file is SOI, segments, EOI. A segment is FF, a marker byte and, but
// for the markers listed below, a length that counts itself. Entropy-coded data follows each SOS
// segment; in it, a byte FF is followed by 00, or by one of the restart markers D0..D7.
namespace sapiens {
namespace {

constexpr std::uint32_t kSoi = 0xd8, kEoi = 0xd9, kSos = 0xda, kApp1 = 0xe1, kTem = 0x01;

// A bound on time: each scan may cost a pass over the whole picture. Programs write about ten, and
// libjpeg-turbo's authors advise to stop at 500.
constexpr int kMaxScans = 500;

// "Exif", two zero bytes, then TIFF.
constexpr std::size_t kExifSignatureBytes = 6;

bool is_restart(std::uint32_t marker) noexcept { return marker >= 0xd0 && marker <= 0xd7; }

// SOF0..SOF15 without DHT (C4), JPG (C8) and DAC (CC), which share their range.
bool is_frame(std::uint32_t marker) noexcept {
  return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
}

std::uint32_t next_marker(ByteView& in) {
  if (in.u8() != 0xff) throw BrokenPicture("a JPEG marker was expected and is not there");
  std::uint32_t marker = 0xff;
  while (marker == 0xff) marker = in.u8();  // any number of fill bytes is allowed
  return marker;
}

// Leaves `in` behind the data of a scan, and returns the marker that ended it.
std::uint32_t skip_scan(ByteView& in) {
  for (;;) {
    const auto rest = in.rest();
    const auto ff = std::find(rest.begin(), rest.end(), std::byte{0xff});
    in.take(static_cast<std::size_t>(ff - rest.begin()));
    const std::uint32_t marker = next_marker(in);
    if (marker != 0 && !is_restart(marker)) return marker;
  }
}

void read_frame(std::span<const std::byte> segment, PictureHeader& header) {
  ByteView in(segment);
  in.u8();  // bits per sample
  header.height = in.u16be();
  header.width = in.u16be();
}

}  // namespace

PictureHeader read_jpeg_header(std::span<const std::byte> bytes) {
  ByteView in(bytes);
  PictureHeader header;
  bool has_app1 = false;
  int scans = 0;
  std::uint32_t marker = next_marker(in);
  if (marker != kSoi) throw BrokenPicture("the JPEG does not begin with its start marker");
  for (marker = next_marker(in); marker != kEoi;) {
    if (marker == kTem || is_restart(marker)) {
      marker = next_marker(in);
      continue;
    }
    const std::uint32_t length = in.u16be();
    if (length < 2) throw BrokenPicture("a JPEG segment is shorter than its own length field");
    const auto segment = in.take(length - 2);
    if (is_frame(marker) && header.width == 0) read_frame(segment, header);
    if (marker == kApp1 && !has_app1) {
      has_app1 = true;
      if (segment.size() > kExifSignatureBytes) header.exif = segment.subspan(kExifSignatureBytes);
    }
    if (marker == kSos && ++scans > kMaxScans) {
      throw UnreadablePicture(fmt::format("a JPEG of more than {} scans", kMaxScans),
                              "save it anew with an image editor");
    }
    marker = marker == kSos ? skip_scan(in) : next_marker(in);
  }
  if (header.width == 0 || header.height == 0)
    throw BrokenPicture("the JPEG does not say its size");
  if (scans == 0) throw BrokenPicture("the JPEG has no picture data");
  return header;
}

}  // namespace sapiens

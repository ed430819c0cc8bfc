#include <fmt/format.h>

#include <algorithm>
#include <bitset>
#include <optional>
#include <vector>

#include "image/byte_view.hpp"
#include "image/image_header.hpp"

// ITU T.81 (JPEG), annex B: a file is SOI, segments, EOI. A segment is FF, a marker byte and, but
// for the markers listed below, a length that counts itself. Entropy-coded data follows each SOS
// segment; in it, a byte FF is followed by 00, or by one of the restart markers D0..D7.
namespace sapiens {
namespace {

constexpr std::uint32_t kSoi = 0xd8, kEoi = 0xd9, kSos = 0xda, kApp1 = 0xe1, kTem = 0x01;

// Bounds the decoding time: each scan may cost a pass over the whole image, 2.4 ns per pixel,
// however few bytes it has. Programs write about ten scans, the most thorough optimisers below
// twenty; libjpeg-turbo's authors advise to stop at 500. Small images may have more, because they
// cost little.
constexpr int kMaxScans = 500;
constexpr int kMaxScansOfLargeImages = 24;
constexpr Index kMaxScannedPixels = Index{1} << 24;

// "Exif", two zero bytes, then TIFF.
constexpr std::size_t kExifSignatureBytes = 6;

bool is_restart(std::uint32_t marker) noexcept { return marker >= 0xd0 && marker <= 0xd7; }

// SOF0..SOF15 without DHT (C4), JPG (C8) and DAC (CC), which share their range.
bool is_frame(std::uint32_t marker) noexcept {
  return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
}

// Bytes before the next marker are skipped, as libjpeg does: webcams and some tools leave bytes
// between segments.
std::uint32_t next_marker(ByteView& in) {
  for (;;) {
    const auto rest = in.rest();
    const auto ff = std::find(rest.begin(), rest.end(), std::byte{0xff});
    in.take(static_cast<std::size_t>(ff - rest.begin()));
    std::uint32_t marker = in.u8();
    while (marker == 0xff) marker = in.u8();  // any number of fill bytes is allowed
    if (marker != 0) return marker;
  }
}

// Leaves `in` after the data of a scan and returns the marker that ended it; nullopt where the file
// ends first.
std::optional<std::uint32_t> skip_scan(ByteView& in) {
  for (;;) {
    const auto rest = in.rest();
    auto at = std::find(rest.begin(), rest.end(), std::byte{0xff});
    at = std::find_if(at, rest.end(), [](std::byte byte) { return byte != std::byte{0xff}; });
    in.take(static_cast<std::size_t>(at - rest.begin()));
    if (in.empty()) return std::nullopt;
    const std::uint32_t marker = in.u8();
    if (marker != 0 && !is_restart(marker)) return marker;
  }
}

/// Collects the header from the segments of a JPEG, one at a time.
class SegmentReader {
 public:
  explicit SegmentReader(std::span<const std::byte> bytes) : in_(bytes) {}

  ImageHeader walk() {
    if (in_.u16be() != (0xff00 | kSoi)) {
      throw BrokenImage("the JPEG does not begin with its start marker");
    }
    std::optional<std::uint32_t> marker = next_marker(in_);
    while (marker && *marker != kEoi) {
      if (*marker != kTem && !is_restart(*marker)) read_segment(*marker);
      marker = *marker == kSos ? skip_scan(in_) : next_marker(in_);
    }
    header_.ends_early = !marker;
    expect_all_parts();
    return header_;
  }

 private:
  void read_segment(std::uint32_t marker) {
    const std::uint32_t length = in_.u16be();
    if (length < 2) throw BrokenImage("a JPEG segment is shorter than its own length field");
    const auto segment = in_.take(length - 2);
    if (is_frame(marker) && header_.width == 0) read_frame(segment);
    if (marker == kSos) read_scan(segment);
    if (marker == kApp1 && !has_app1_) {
      has_app1_ = true;
      if (segment.size() > kExifSignatureBytes) header_.exif = segment.subspan(kExifSignatureBytes);
    }
  }

  void read_frame(std::span<const std::byte> segment) {
    ByteView in(segment);
    in.u8();  // bits per sample
    header_.height = in.u16be();
    header_.width = in.u16be();
    for (std::uint32_t count = in.u8(); count > 0; --count) {
      without_data_.set(in.u8());
      in.take(2);  // sampling factors and number of the quantisation table
    }
  }

  void read_scan(std::span<const std::byte> segment) {
    if (++scans_ > kMaxScans) refuse_scans(fmt::format("more than {} scans", kMaxScans));
    ByteView in(segment);
    std::vector<std::uint32_t> components(in.u8());
    for (std::uint32_t& component : components) {
      component = in.u8();
      in.take(1);  // numbers of the Huffman tables
    }
    if (in.u8() != 0) return;  // a later scan of a progressive image
    for (const std::uint32_t component : components) without_data_.reset(component);
  }

  void expect_all_parts() const {
    if (header_.width == 0 || header_.height == 0) {
      throw BrokenImage("the JPEG does not say its size");
    }
    if (scans_ == 0) throw BrokenImage("the JPEG has no image data");
    if (without_data_.any()) {
      throw BrokenImage(header_.ends_early ? std::string("the file ends early")
                                           : fmt::format("the scan of {} of its colours is missing",
                                                         without_data_.count()));
    }
    const Index pixels = header_.width * header_.height;
    if (scans_ > kMaxScansOfLargeImages && scans_ > kMaxScannedPixels / pixels) {
      refuse_scans(fmt::format("{} scans for {} pixels", scans_, pixels));
    }
  }

  [[noreturn]] static void refuse_scans(const std::string& how_many) {
    throw UnreadableImage(fmt::format("a JPEG of {}", how_many),
                          "save it anew with an image editor");
  }

  ByteView in_;
  ImageHeader header_;
  std::bitset<256> without_data_;  // components of the frame without a scan so far
  bool has_app1_ = false;
  int scans_ = 0;
};

}  // namespace

ImageHeader read_jpeg_header(std::span<const std::byte> bytes) {
  return SegmentReader(bytes).walk();
}

}  // namespace sapiens

#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace sapiens {

/// A frame of a video that is written by hand, in milliseconds.
struct MovFrame {
  std::uint32_t duration = 40;
  std::uint32_t offset = 0;  ///< Offset of its time stamp from the sum of the durations before it.
};

/// A QuickTime file of Motion JPEG: `jpeg`, an image of that size, once per frame. OpenCV writes
/// all frames equally long; phones do not.
inline std::string mov_of(const std::string& jpeg, int width, int height,
                          const std::vector<MovFrame>& frames) {
  const auto number = [](std::uint64_t value, int bytes) {
    std::string text;
    while (bytes-- > 0) text += static_cast<char>(value >> (8 * bytes) & 0xff);
    return text;
  };
  const auto n32 = [&](std::uint64_t value) { return number(value, 4); };
  const auto box = [&](const char* type, const std::string& content) {
    return n32(content.size() + 8) + type + content;
  };
  const std::string matrix =
      n32(0x10000) + std::string(12, '\0') + n32(0x10000) + std::string(12, '\0') + n32(0x40000000);
  const auto size16 =
      number(static_cast<std::uint64_t>(width), 2) + number(static_cast<std::uint64_t>(height), 2);
  std::uint64_t total = 0;
  std::string durations, offsets, sizes;
  bool has_offsets = false;
  for (const MovFrame& frame : frames) {
    total += frame.duration;
    durations += n32(1) + n32(frame.duration);
    offsets += n32(1) + n32(frame.offset);
    sizes += n32(jpeg.size());
    has_offsets |= frame.offset != 0;
  }
  const auto count = n32(frames.size());
  const auto moov = [&](std::uint64_t first) {
    std::string places;
    for (std::size_t i = 0; i < frames.size(); ++i) places += n32(first + i * jpeg.size());
    const std::string entry = n32(86) + "jpeg" + std::string(6, '\0') + number(1, 2) +
                              std::string(16, '\0') + size16 + n32(0x480000) + n32(0x480000) +
                              n32(0) + number(1, 2) + std::string(32, '\0') + number(24, 2) +
                              number(0xffff, 2);
    std::string table =
        box("stsd", n32(0) + n32(1) + entry) + box("stts", n32(0) + count + durations);
    if (has_offsets) table += box("ctts", n32(0) + count + offsets);
    table += box("stsc", n32(0) + n32(1) + n32(1) + n32(1) + n32(1)) +
             box("stsz", n32(0) + n32(0) + count + sizes) + box("stco", n32(0) + count + places);
    const std::string media =
        box("mdhd", n32(0) + n32(0) + n32(0) + n32(1000) + n32(total) + n32(0)) +
        box("hdlr", n32(0) + n32(0) + "vide" + std::string(12, '\0') + std::string("v\0", 2)) +
        box("minf", box("vmhd", n32(1) + std::string(8, '\0')) +
                        box("dinf", box("dref", n32(0) + n32(1) + box("url ", n32(1)))) +
                        box("stbl", table));
    const std::string track = box("tkhd", n32(7) + n32(0) + n32(0) + n32(1) + n32(0) + n32(total) +
                                              std::string(16, '\0') + matrix + size16.substr(0, 2) +
                                              number(0, 2) + size16.substr(2) + number(0, 2)) +
                              box("mdia", media);
    return box("moov", box("mvhd", n32(0) + n32(0) + n32(0) + n32(1000) + n32(total) +
                                       n32(0x10000) + number(0x100, 2) + std::string(10, '\0') +
                                       matrix + std::string(24, '\0') + n32(2)) +
                           box("trak", track));
  };
  const std::string start = box("ftyp", "qt  " + n32(0) + "qt  ");
  std::string images;
  for (std::size_t i = 0; i < frames.size(); ++i) images += jpeg;
  return start + moov(start.size() + moov(0).size() + 8) + box("mdat", images);
}

}  // namespace sapiens

#include "image/orientation.hpp"

#include <algorithm>
#include <utility>

#include "image/byte_view.hpp"
#include "image/pixels.hpp"

namespace sapiens {
namespace {

constexpr int kUpright = 1;
constexpr std::uint32_t kOrientationTag = 0x0112;

// TIFF: a byte order ("II" or "MM"), 42, the offset of a directory, which is a count and entries of
// 12 bytes: tag, type, count and value.
int find_orientation(std::span<const std::byte> tiff) {
  ByteView in(tiff);
  const std::uint32_t order = in.u16be();
  const bool little = order == 0x4949;
  if (!little && order != 0x4d4d) return kUpright;
  const auto u16 = [little](ByteView& view) { return little ? view.u16le() : view.u16be(); };
  if (u16(in) != 42) return kUpright;

  ByteView directory(tiff);
  directory.take(little ? in.u32le() : in.u32be());
  for (std::uint32_t entries = u16(directory); entries > 0; --entries) {
    ByteView entry(directory.take(12));
    if (u16(entry) != kOrientationTag) continue;
    entry.take(6);  // type and count
    const std::uint32_t value = u16(entry);
    return value >= 1 && value <= 8 ? static_cast<int>(value) : kUpright;
  }
  return kUpright;
}

// How the upright image is read from the stored one: by columns instead of rows, from the last row,
// from the last column.
struct ReadOrder {
  bool transposed;
  bool from_last_row;
  bool from_last_column;
};

constexpr ReadOrder kWalks[] = {
    {false, false, false}, {false, false, true}, {false, true, true}, {false, true, false},
    {true, false, false},  {true, true, false},  {true, true, true},  {true, false, true},
};

}  // namespace

int exif_orientation(std::span<const std::byte> tiff) {
  try {
    return find_orientation(tiff);
  } catch (const BrokenImage&) {
    return kUpright;
  }
}

Image upright(Image stored, int orientation, const StopCheck& check) {
  if (orientation == kUpright) return stored;
  const ReadOrder walk = kWalks[orientation - 1];
  Index row_step = stored.width * 3;
  Index column_step = 3;
  const std::uint8_t* row = stored.rgb.data();
  if (walk.from_last_row) {
    row += (stored.height - 1) * row_step;
    row_step = -row_step;
  }
  if (walk.from_last_column) {
    row += (stored.width - 1) * column_step;
    column_step = -column_step;
  }
  if (walk.transposed) {
    std::swap(row_step, column_step);
    std::swap(stored.width, stored.height);
  }
  Image image = make_image(stored.height, stored.width);
  std::uint8_t* out = image.rgb.data();
  for (Index y = 0; y < image.height; ++y) {
    if (check) check();
    for (Index x = 0; x < image.width; ++x) {
      out = std::copy_n(row + y * row_step + x * column_step, 3, out);
    }
  }
  return image;
}

}  // namespace sapiens

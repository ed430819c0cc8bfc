#include "sapiens/image.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <new>
#include <string_view>
#include <utility>

#include "image/byte_view.hpp"
#include "image/file_kind.hpp"
#include "image/image_header.hpp"
#include "image/pixels.hpp"
#include "image/png_file.hpp"
#include "sapiens/error.hpp"

namespace sapiens {
namespace {

constexpr const char* kCopyAgain =
    "copy or download the image again, or save it anew with an image editor";

struct Codec {
  ImageFormat format;
  ImageHeader (*read_header)(std::span<const std::byte> bytes);
  Image (*decode)(std::span<const std::byte> bytes, const ImageHeader& header,
                  const StopCheck& check);
};

constexpr Codec kCodecs[] = {
    {ImageFormat::Jpeg, read_jpeg_header, decode_jpeg},
    {ImageFormat::Png, read_png_header, decode_png},
    {ImageFormat::WebP, read_webp_header, decode_webp},
};

// A header that claims a huge size costs a few bytes to write and gigabytes to decode.
void refuse_huge(const ImageHeader& header, const std::string& name) {
  const std::string broken = broken_image_bound(header.width, header.height);
  if (broken.empty()) return;
  throw Error(ErrorCode::UnsupportedFormat,
              {.summary = "the image is too large",
               .file = name,
               .expected = broken,
               .actual = fmt::format("{} x {} pixels (width x height) by its header", header.width,
                                     header.height),
               .hint = "scale it down or cut the person out first"});
}

[[noreturn]] void throw_broken(const FileKind& kind, const std::string& name,
                               const std::string& what) {
  throw Error(ErrorCode::CorruptFile, {.summary = "the image cannot be decoded",
                                       .file = name,
                                       .expected = fmt::format("{}, whole", kind.description),
                                       .actual = what,
                                       .hint = kCopyAgain});
}

/// What to decode of a file.
struct Wanted {
  std::string_view sentence, formats;
};

constexpr Wanted kImage = {"not an image that can be read", "JPEG, PNG or WebP"};
constexpr Wanted kStoredValues = {"not a PNG whose stored values can be read",
                                  "a PNG with a palette or in grey, of at most 8 bits"};

[[noreturn]] void throw_unsupported(const Wanted& wanted, std::string_view description,
                                    std::string_view hint, const std::string& name) {
  throw Error(ErrorCode::UnsupportedFormat, {.summary = std::string(wanted.sentence),
                                             .file = name,
                                             .expected = std::string(wanted.formats),
                                             .actual = std::string(description),
                                             .hint = std::string(hint)});
}

/// Calls `decode()` and turns its exceptions into `Error`.
template <typename Decode>
auto explained(const Wanted& wanted, const FileKind& kind, const std::string& name, Decode decode) {
  try {
    return decode();
  } catch (const BrokenImage& broken) {
    throw_broken(kind, name, broken.what());
  } catch (const UnreadableImage& unreadable) {
    throw_unsupported(wanted, unreadable.what(), unreadable.hint, name);
  } catch (const std::bad_alloc&) {
    throw Error(ErrorCode::OutOfResources,
                {.summary = "not enough memory to decode the image", .file = name});
  }
}

const Codec& codec_of(const FileKind& kind, const std::string& name) {
  const auto* codec = std::ranges::find(kCodecs, kind.format, &Codec::format);
  if (codec == std::end(kCodecs)) throw_unsupported(kImage, kind.description, kind.hint, name);
  return *codec;
}

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

ImageSize measure_image(std::span<const std::byte> bytes, const std::string& name) {
  const FileKind kind = detect_file_kind(bytes);
  const Codec& codec = codec_of(kind, name);
  return explained(kImage, kind, name, [&] {
    const ImageHeader header = codec.read_header(bytes);
    refuse_huge(header, name);
    return ImageSize{header.width, header.height};
  });
}

Image Image::read(const std::filesystem::path& path) {
  return decode(read_image_file(path), path.string());
}

Image Image::decode(std::span<const std::byte> bytes, const std::string& name,
                    const StopCheck& check) {
  const FileKind kind = detect_file_kind(bytes);
  const Codec& codec = codec_of(kind, name);
  return explained(kImage, kind, name, [&] {
    const ImageHeader header = codec.read_header(bytes);
    refuse_huge(header, name);
    return upright(codec.decode(bytes, header, check), exif_orientation(header.exif), check);
  });
}

PngValues stored_png_values(std::span<const std::byte> bytes, const std::string& name) {
  const FileKind kind = detect_file_kind(bytes);
  if (kind.format != ImageFormat::Png) {
    throw_unsupported(kStoredValues, kind.description, kind.hint, name);
  }
  return explained(kStoredValues, kind, name, [&] {
    const ImageHeader header = read_png_header(bytes);
    refuse_huge(header, name);
    return PngValues{header.width, header.height, decode_png_values(bytes, header)};
  });
}

std::vector<std::byte> Image::encode_png(const StopCheck& check) const {
  expect_pixels("the image to encode", *this);
  try {
    return sapiens::encode_png({.width = width, .height = height, .pixels = rgb.data()}, check);
  } catch (const std::bad_alloc&) {
    throw Error(ErrorCode::OutOfResources, {.summary = "not enough memory to encode the image"});
  }
}

void Image::write_png(const std::filesystem::path& path) const {
  expect_pixels("the image to write", *this);
  write_png_file(path, {.width = width, .height = height, .pixels = rgb.data()});
}

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

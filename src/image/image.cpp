#include "sapiens/image.hpp"

#include <fmt/format.h>

#include <new>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include "core/atomic_file.hpp"
#include "core/file_map.hpp"
#include "image/file_kind.hpp"
#include "image/picture_header.hpp"
#include "image/pixels.hpp"
#include "sapiens/error.hpp"

namespace sapiens {
namespace {

// 16384 x 16384. OpenCV's own limit is four times as high, and a header that claims that much costs
// a few bytes to write and gigabytes to decode.
constexpr Index kMaxPixels = Index{1} << 28;

// What an OpenCV matrix of one row can hold.
constexpr std::size_t kMaxFileBytes = std::size_t{2} << 30;

constexpr const char* kCopyAgain =
    "copy or download the picture again, or save it anew with an image editor";

PictureSize read_header(PictureFormat format, std::span<const std::byte> bytes) {
  switch (format) {
    case PictureFormat::Jpeg:
      return read_jpeg_header(bytes);
    case PictureFormat::Png:
      return read_png_header(bytes);
    case PictureFormat::WebP:
      return read_webp_header(bytes);
    case PictureFormat::Other:
      break;
  }
  throw UnreadablePicture("a file of unknown format");
}

void refuse_huge(const PictureSize& size, const std::string& name) {
  if (size.width <= kMaxPixels / size.height) return;
  throw Error(ErrorCode::UnsupportedFormat,
              {.summary = "the picture is too large",
               .file = name,
               .expected = fmt::format("at most {} pixels", kMaxPixels),
               .actual = fmt::format("{} x {} pixels (width x height) by its header", size.width,
                                     size.height),
               .hint = "scale it down or cut the person out first"});
}

[[noreturn]] void throw_broken(const FileKind& kind, const std::string& name,
                               const std::string& what) {
  throw Error(ErrorCode::CorruptFile, {.summary = "the picture cannot be decoded",
                                       .file = name,
                                       .expected = fmt::format("{}, whole", kind.description),
                                       .actual = what,
                                       .hint = kCopyAgain});
}

[[noreturn]] void throw_unsupported(std::string_view description, std::string_view hint,
                                    const std::string& name) {
  throw Error(ErrorCode::UnsupportedFormat, {.summary = "not a picture that can be read",
                                             .file = name,
                                             .expected = "JPEG, PNG or WebP",
                                             .actual = std::string(description),
                                             .hint = std::string(hint)});
}

// Everything that is known without decoding, so that no decoder meets hopeless bytes.
void check_header(const FileKind& kind, std::span<const std::byte> bytes, const std::string& name) {
  try {
    refuse_huge(read_header(kind.format, bytes), name);
  } catch (const BrokenPicture& broken) {
    throw_broken(kind, name, broken.what());
  } catch (const UnreadablePicture& unreadable) {
    throw_unsupported(unreadable.what(), "take one frame out of it first", name);
  }
}

Image decode_rgb(std::span<const std::byte> bytes) {
  const cv::Mat input(1, static_cast<int>(bytes.size()), CV_8UC1,
                      const_cast<std::byte*>(bytes.data()));
  const cv::Mat bgr = cv::imdecode(input, cv::IMREAD_COLOR);
  if (bgr.empty()) throw BrokenPicture("its picture data breaks the rules of the format");
  Image image = make_image(bgr.rows, bgr.cols);
  cv::Mat rgb = as_mat(image);
  cv::cvtColor(bgr, rgb, cv::COLOR_BGR2RGB);
  return image;
}

[[noreturn]] void throw_out_of_memory(const std::string& name) {
  throw Error(ErrorCode::OutOfResources,
              {.summary = "not enough memory to decode the picture", .file = name});
}

}  // namespace

Image Image::read(const std::filesystem::path& path) {
  const FileMap file(path);
  return decode(file.bytes(), path.string());
}

Image Image::decode(std::span<const std::byte> bytes, const std::string& name) {
  const FileKind kind = detect_file_kind(bytes);
  if (kind.format == PictureFormat::Other) throw_unsupported(kind.description, kind.hint, name);
  if (bytes.size() >= kMaxFileBytes) {
    throw_unsupported("a file of 2 GiB or more", "save it anew with an image editor", name);
  }
  check_header(kind, bytes, name);
  try {
    if (kind.format == PictureFormat::Png) return decode_rgb(essential_png(bytes));
    return decode_rgb(bytes);
  } catch (const BrokenPicture& broken) {
    throw_broken(kind, name, broken.what());
  } catch (const cv::Exception& error) {
    if (error.code == cv::Error::StsNoMem) throw_out_of_memory(name);
    throw_broken(kind, name, error.err);
  } catch (const std::bad_alloc&) {
    throw_out_of_memory(name);
  }
}

void Image::write_png(const std::filesystem::path& path) const {
  expect_pixels("the picture to write", *this);
  cv::Mat bgr;
  cv::cvtColor(as_mat(*this), bgr, cv::COLOR_RGB2BGR);
  std::vector<std::uint8_t> png;
  if (!cv::imencode(".png", bgr, png)) {
    throw Error(ErrorCode::WriteFailed,
                {.summary = "the picture cannot be encoded as PNG", .file = path.string()});
  }
  AtomicFile file(path);
  file.write(std::as_bytes(std::span(png)));
  file.commit();
}

}  // namespace sapiens

#include "image/file_kind.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <new>

#include "core/open_file.hpp"
#include "sapiens/error.hpp"

namespace sapiens {
namespace {

using namespace std::string_view_literals;

struct Signature {
  std::size_t offset;
  std::string_view magic;
  ImageFormat format;
  std::string_view description;
  std::string_view hint;

  FileKind kind() const noexcept { return {format, description, hint}; }
};

constexpr auto kConvertHint = "convert it to JPEG or PNG first, e.g. `magick INPUT output.png`"sv;
constexpr auto kHeifHint =
    "convert it to JPEG first, e.g. `heif-convert INPUT output.jpg`, or export it as JPEG from the "
    "phone"sv;
constexpr auto kVideoHint =
    "take single frames out of it first, e.g. `ffmpeg -i INPUT frame_%04d.png`"sv;
constexpr auto kDownloadHint =
    "the download saved a page instead of the image; open the address in a browser and save the "
    "image itself"sv;
constexpr auto kCheckpointHint = "this may be the checkpoint: are the arguments swapped?"sv;

// The first match wins, so a longer signature stands before its own beginning.
constexpr Signature kSignatures[] = {
    {0, "\xff\xd8\xff"sv, ImageFormat::Jpeg, "a JPEG image", ""},
    {0, "\x89PNG\r\n\x1a\n"sv, ImageFormat::Png, "a PNG image", ""},
    {8, "WEBP"sv, ImageFormat::WebP, "a WebP image", ""},
    {0, "\x89PNG"sv, ImageFormat::Other, "a PNG image whose line ends were rewritten",
     "copy it again in binary mode"},
    {4, "ftypavif"sv, ImageFormat::Other, "an AVIF image", kConvertHint},
    {4, "ftypavis"sv, ImageFormat::Other, "an AVIF image", kConvertHint},
    {4, "ftyphei"sv, ImageFormat::Other, "a HEIC image", kHeifHint},
    {4, "ftyphev"sv, ImageFormat::Other, "a HEIC image", kHeifHint},
    {4, "ftypmif1"sv, ImageFormat::Other, "a HEIC image", kHeifHint},
    {4, "ftypmsf1"sv, ImageFormat::Other, "a HEIC image", kHeifHint},
    {4, "ftyp"sv, ImageFormat::Video, "a video (MP4 or QuickTime)", kVideoHint},
    {8, "AVI "sv, ImageFormat::Video, "a video (AVI)", kVideoHint},
    {0, "\x1a\x45\xdf\xa3"sv, ImageFormat::Video, "a video (Matroska or WebM)", kVideoHint},
    {0, "\0\0\1\xba"sv, ImageFormat::Video, "a video (MPEG)", kVideoHint},
    {0, "\0\0\1\xb3"sv, ImageFormat::Video, "a video (MPEG)", kVideoHint},
    {0, "FLV\1"sv, ImageFormat::Video, "a video (Flash)", kVideoHint},
    {0, "\x30\x26\xb2\x75\x8e\x66\xcf\x11"sv, ImageFormat::Video, "a video (Windows Media)",
     kVideoHint},
    {0, "GIF8"sv, ImageFormat::Other, "a GIF image", kConvertHint},
    {0, "BM"sv, ImageFormat::Other, "a BMP image", kConvertHint},
    {0, "II*\0"sv, ImageFormat::Other, "a TIFF or camera raw image", kConvertHint},
    {0, "MM\0*"sv, ImageFormat::Other, "a TIFF or camera raw image", kConvertHint},
    {0, "\xff\x0a"sv, ImageFormat::Other, "a JPEG XL image", kConvertHint},
    {4, "JXL \r\n"sv, ImageFormat::Other, "a JPEG XL image", kConvertHint},
    {4, "jP  \r\n"sv, ImageFormat::Other, "a JPEG 2000 image", kConvertHint},
    {0, "8BPS"sv, ImageFormat::Other, "a Photoshop document", kConvertHint},
    {0, "%PDF"sv, ImageFormat::Other, "a PDF document",
     "take the images out of it first, e.g. `pdfimages -all INPUT page`"},
    {0, "version https://git-lfs"sv, ImageFormat::Other, "a Git LFS pointer, not the image itself",
     "fetch the real file with `git lfs pull`"},
    {0, "PK\x03\x04"sv, ImageFormat::Other, "a zip archive", kCheckpointHint},
    {0, "\x93NUMPY"sv, ImageFormat::Other, "a NumPy array",
     "a preprocessed input is given as an array, not as an image"},
    // Other bytes may stand between the start marker and the first segment.
    {0, "\xff\xd8"sv, ImageFormat::Jpeg, "a JPEG image", ""},
};

constexpr Signature kTextSignatures[] = {
    {0, "<!doctype html"sv, ImageFormat::Other, "an HTML page", kDownloadHint},
    {0, "<html"sv, ImageFormat::Other, "an HTML page", kDownloadHint},
    {0, "<svg"sv, ImageFormat::Other, "an SVG drawing", kConvertHint},
    {0, "<?xml"sv, ImageFormat::Other, "an XML document", kDownloadHint},
    {0, "{"sv, ImageFormat::Other, "a JSON document", kDownloadHint},
};

constexpr std::size_t kHeadBytes = 512;
// More than the pixels of the largest image take as they are, 8 bits of 3 channels.
constexpr std::size_t kMaxImageFileBytes = std::size_t{1} << 30;
constexpr std::size_t kPieceBytes = std::size_t{1} << 22;

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

// Recognises text as browsers do: after a byte order mark and white space, in any case.
bool starts_with_text(std::string_view head, std::string_view text) noexcept {
  if (head.starts_with("\xef\xbb\xbf")) head.remove_prefix(3);
  head.remove_prefix(std::min(head.find_first_not_of(" \t\r\n"), head.size()));
  return head.size() >= text.size() &&
         std::equal(text.begin(), text.end(), head.begin(),
                    [](char wanted, char c) { return wanted == lower(c); });
}

bool is_text(std::string_view head) noexcept {
  return std::none_of(head.begin(), head.end(), [](char c) {
    return static_cast<unsigned char>(c) < ' ' && c != '\n' && c != '\r' && c != '\t';
  });
}

}  // namespace

FileKind detect_file_kind(std::span<const std::byte> bytes) noexcept {
  const std::string_view head(reinterpret_cast<const char*>(bytes.data()),
                              std::min(bytes.size(), kHeadBytes));
  if (head.empty()) {
    return {ImageFormat::Other, "an empty file", "copy or download it again"};
  }
  for (const Signature& signature : kSignatures) {
    if (head.size() > signature.offset &&
        head.substr(signature.offset).starts_with(signature.magic)) {
      return signature.kind();
    }
  }
  for (const Signature& signature : kTextSignatures) {
    if (starts_with_text(head, signature.magic)) return signature.kind();
  }
  if (head.find_first_not_of('\0') == std::string_view::npos) {
    return {ImageFormat::Other, "nothing but zero bytes", "copy or download it again"};
  }
  if (is_text(head)) return {ImageFormat::Other, "a text file", "check the path"};
  return {ImageFormat::Unknown, "a file of unknown format", "check the path"};
}

std::vector<std::byte> read_image_file(const std::filesystem::path& path) {
  return FileMap(path).checked([&](std::span<const std::byte> bytes) {
    const ImageFormat format = detect_file_kind(bytes).format;
    const bool is_image =
        format == ImageFormat::Jpeg || format == ImageFormat::Png || format == ImageFormat::WebP;
    if (!is_image) bytes = bytes.first(std::min(bytes.size(), kHeadBytes));
    if (bytes.size() > kMaxImageFileBytes) {
      throw Error(ErrorCode::UnsupportedFormat,
                  {.summary = "the image file is too large",
                   .file = path.string(),
                   .expected = fmt::format("at most {} bytes", kMaxImageFileBytes),
                   .actual = fmt::format("{} bytes", bytes.size()),
                   .hint = "save it anew with an image editor"});
    }
    try {
      std::vector<std::byte> copy;
      copy.reserve(bytes.size());
      while (copy.size() < bytes.size()) {
        const auto rest = bytes.subspan(copy.size());
        const auto piece = rest.first(std::min(rest.size(), kPieceBytes));
        copy.insert(copy.end(), piece.begin(), piece.end());
        release_mapped(piece);  // so that memory holds the file once
      }
      return copy;
    } catch (const std::bad_alloc&) {
      throw Error(ErrorCode::OutOfResources,
                  {.summary = "not enough memory to read the image", .file = path.string()});
    }
  });
}

}  // namespace sapiens

#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <sapiens/archive.hpp>
#include <sapiens/error.hpp>
#include <sapiens/image.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/input/inputs.hpp"

// Images in archives. A tar is read as WebDataset reads it: members that follow each other with one
// key are a sample, and the key is the name up to the first dot behind the last slash. A zip is
// read as a folder: every image in it is an input.
namespace sapiens::cli {

/// True for .tar, .tar.gz, .tgz, .tar.bz2, .tar.xz, .tar.zst and .zip, in any case.
bool is_archive_name(const std::filesystem::path& path);

/// `name` without the ending of an archive: "shard-000012".
std::filesystem::path without_archive_ending(const std::filesystem::path& name);

/// What a file is by its first bytes. Anything may be compressed, and most zips are none of images.
enum class ArchiveBytes { None, Tar, Zip, Compressed };

/// So many bytes are enough to tell.
inline constexpr std::size_t kArchiveMark = 512;
ArchiveBytes archive_bytes(std::string_view first);
/// The same of a file; None for what is no file, or cannot be read.
ArchiveBytes archive_bytes_of(const std::filesystem::path& file);

/// True for a file that is an archive of images by its content, whatever it is called: a tar; a
/// compressed tar; or a zip that holds images and is no document, package or checkpoint.
bool is_archive_of_images(const std::filesystem::path& file);

/// How samples are taken from archives.
struct SampleRules {
  /// Fields of a tar that hold images, in small letters; of several in one sample the first of this
  /// list. Empty: these.
  std::vector<std::string> image_keys = {"jpg", "jpeg", "png", "webp"};
  /// Also read images and sidecars into memory: fields of a tar that are json, txt or cls, or end
  /// so
  /// ("seg.json"), each of at most kMaxSidecar and together of at most kMaxSidecars.
  bool with_content = false;
};

inline constexpr std::size_t kMaxSidecar = std::size_t{16} << 20;
inline constexpr std::size_t kMaxSidecars = 4 * kMaxSidecar;

/// The images of an archive in its order. Moves forward only, and holds one sample at a time.
class ArchiveSamples {
 public:
  /// `archive` is an input with `archive` set; "-" is a tar on standard input, which is read once
  /// and from its beginning. Throws as ArchiveReader does.
  ArchiveSamples(const InputFile& archive, SampleRules rules);
  ArchiveSamples(ArchiveSamples&&) noexcept;
  ArchiveSamples& operator=(ArchiveSamples&&) noexcept;
  ArchiveSamples(const ArchiveSamples&) = delete;
  ArchiveSamples& operator=(const ArchiveSamples&) = delete;
  ~ArchiveSamples();

  /// An image, or why it is none: the member is damaged, encrypted or too large, its name cannot be
  /// that of a result (and `input.name` is empty), or its key occurred before in this archive. That
  /// is remembered in 16 bytes, which makes about 40 MB for a million images.
  ///
  /// `input.name` without its extension is what results are called: no two of a tar are equal, nor
  /// of a zip with `with_content`, where b.png behind b.jpg becomes b.png.png. Otherwise
  /// plan_outputs distinguishes them, as in a folder.
  struct Sample {
    InputFile input = {};
    std::optional<Error> error = {};
  };

  /// The next one; nothing at the end. Throws CorruptFile where the rest of the archive is lost,
  /// and afterwards returns nothing.
  std::optional<Sample> next();

  /// What was found so far and is no input.
  const LeftOutList& left_out() const;

 private:
  class State;
  std::unique_ptr<State> state_;
};

/// Adds the images of an archive to `inputs`, without reading them, and what of it is none or
/// cannot be read.
void list_archive(const InputFile& archive, SampleRules rules, Inputs& inputs);

/// Reads the images of inputs. Members of an archive are cheap to read in their order, because the
/// archive stays open: another order begins again at its front. Not for several threads.
class InputReader {
 public:
  InputReader();
  InputReader(const InputReader&) = delete;
  InputReader& operator=(const InputReader&) = delete;
  ~InputReader();

  /// From `frame`, `content`, the archive or the file. Throws as Image::read and ArchiveReader do.
  Image read(const InputFile& input);

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace sapiens::cli

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

/// How samples are taken from archives.
struct SampleRules {
  /// Fields of a tar that hold images; of several in one sample the first of this list.
  std::vector<std::string> image_keys = {"jpg", "jpeg", "png", "webp"};
  bool with_content = false;  ///< Also read images and sidecars (json, txt, cls) into memory.
};

/// The images of an archive in its order. Moves forward only, and holds one sample at a time.
class ArchiveSamples {
 public:
  /// `archive` is an input with `archive` set; "-" is a tar on standard input, which is read once
  /// and from its beginning. Throws as ArchiveReader does.
  ArchiveSamples(const InputFile& archive, SampleRules rules);
  ArchiveSamples(ArchiveSamples&&) noexcept;
  ArchiveSamples& operator=(ArchiveSamples&&) noexcept;
  ~ArchiveSamples();

  /// An image, or why it is none: the member is damaged, encrypted or too large, its name would
  /// lead out of the output folder, or its key occurred before in this archive.
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

/// Reads the images of inputs. Members of an archive are cheap to read in their order, because the
/// archive stays open: another order begins again at its front. Not for several threads.
class InputReader {
 public:
  InputReader();
  InputReader(const InputReader&) = delete;
  InputReader& operator=(const InputReader&) = delete;
  ~InputReader();

  /// From `content`, the archive or the file. Throws as Image::read and ArchiveReader do.
  Image read(const InputFile& input);

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace sapiens::cli

#pragma once

#include <cstddef>
#include <filesystem>
#include <istream>
#include <memory>
#include <optional>
#include <sapiens/error.hpp>
#include <sapiens/image.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/terminal/messages.hpp"

namespace sapiens::cli {

/// ".jpg" and so on: what is taken out of folders.
std::span<const std::string_view> image_extensions();

/// ".jpg" of "a.JPG".
std::string lower_extension(const std::filesystem::path& path);

/// True for a name that ends in one of `image_extensions`, in any case.
bool is_image_name(const std::filesystem::path& path);

/// True for `.npy`, in any case: an array that was preprocessed already.
bool is_array(const std::filesystem::path& path);

/// True for a name, without a folder, that begins with a dot.
bool is_hidden(const std::filesystem::path& name);

/// 3 of "camera:3".
std::optional<int> camera_of(std::string_view text);

/// Equal for names that differ in `.`, `..` and `//` alone; a name is not what it is a link to.
std::string name_key(const std::filesystem::path& path);

/// Why something that was found is not among the inputs.
enum class LeftOutReason {
  Repeated,      ///< The same name was given before.
  Hidden,        ///< Its name begins with a dot.
  Folder,        ///< In a folder, and -r was not given.
  Labels,        ///< photo_seg.png beside photo.jpg.
  OtherKind,     ///< Neither an image nor whatever else is taken out of folders.
  BrokenLink,    ///< Its target does not exist.
  Loop,          ///< A linked folder that leads back to one above it.
  OutputFolder,  ///< Results are no inputs.
  Comment,       ///< A line of a list that begins with #.
  OtherField,    ///< In a tar: not the image of its sample.
  LargeSidecar,  ///< Beside an image in a tar, with more bytes than labels have.
  NoContent,     ///< In an archive: a link or a device.
};

/// What was left out for one reason.
struct LeftOut {
  LeftOutReason reason = LeftOutReason::Hidden;
  std::size_t count = 0;
  std::vector<std::string> examples = {};  ///< The first of them; at most kMaxExamples.

  static constexpr std::size_t kMaxExamples = 10;
};

/// One entry per reason that occurred, in the order of the reasons.
class LeftOutList {
 public:
  void add(LeftOutReason reason, const std::string& path);
  void add(const LeftOutList& more);
  LeftOutList without(LeftOutReason reason) const;
  const std::vector<LeftOut>& entries() const { return entries_; }

 private:
  LeftOut& entry_of(LeftOutReason reason);

  std::vector<LeftOut> entries_;
};

/// "left out: 3 hidden files or folders: .a, .b, .c", one line per reason.
std::vector<std::string> left_out_lines(const LeftOutList& list);

/// [{"reason": "hidden", "count": 3, "examples": [".a", ".b", ".c"]}]
Json left_out_json(const LeftOutList& list);

/// A member of a tar archive beside an image, with the same key: a label or a caption.
struct Sidecar {
  std::string field = {};  ///< "json" or "cls.txt": its name without the key.
  std::vector<std::byte> content = {};
};

/// One image, array, video or camera to work on.
struct InputFile {
  std::filesystem::path path = {};  ///< As it can be opened; of a member, its archive.
  /// Its place below the folder it was found in; else the file name. Of a member "shard/a/b.jpg".
  std::filesystem::path name = {};
  std::string member = {};   ///< Of the archive, exactly as it is called there; else empty.
  std::size_t position = 0;  ///< Of the member among all of the archive.
  bool archive = false;      ///< All of an archive (InputRules::expand_archives).
  /// Of a member that was read already: all of its bytes, and the sidecars of its sample.
  std::shared_ptr<const std::vector<std::byte>> content = {};
  std::vector<Sidecar> sidecars = {};
  bool video = false;
  /// Of a frame of the video `path`: its pixels. `member` is its number.
  std::shared_ptr<const Image> frame = {};
  std::optional<int> camera = {};                  ///< Its number; `path` is "camera:0" then.
  std::vector<std::filesystem::path> frames = {};  ///< Of a folder that is taken for a video.

  /// What messages and records call it: its path, "shard.tar/a/b.jpg" for a member.
  std::string text() const;
};

struct FailedInput {
  std::string path;
  Error error;
};

struct Inputs {
  std::vector<InputFile> files = {};
  std::vector<FailedInput> failed = {};
  LeftOutList left_out = {};  ///< What was found and is not among them.
};

struct InputRules {
  bool recursive = false;
  bool arrays = false;  ///< Also take .npy files out of folders.
  bool videos = false;  ///< Also take videos, and cameras as "camera:0".
  bool folders_are_videos = false;
  bool archives = false;        ///< Also take tar and zip archives.
  bool expand_archives = true;  ///< Each image in an archive is an input; else the archive is one.
  std::vector<std::string> image_keys = {};  ///< SampleRules::image_keys; empty: those there.
  std::filesystem::path output = {};         ///< Never searched for inputs: results are not images.
};

/// Turns files, folders, `.txt` lists and `-` (a list on `standard_input`) into files, in the order
/// given and sorted within a folder, where photo_seg.png beside photo.jpg is taken for its labels.
/// Every name counts once, whatever it is a link to; linked folders are searched as others are.
/// What cannot be found is returned as failed. Arguments may be patterns (expand_pattern).
///
/// Archives are recognised by their names; those that are given or listed, by their content too,
/// unless they are called as images are. The images of each are in its order. `tar:-` is a tar on
/// the standard input of the process, for which `path` becomes "-".
///
/// Throws InvalidArgument when a folder of inputs is also the output folder, when links make ever
/// more of a folder, for patterns of too many names, for `tar:-` where archives are expanded, and
/// for `image_keys` where no tar is among the inputs; UnsupportedFormat or CorruptFile for a list
/// that cannot be taken apart.
Inputs collect_inputs(std::span<const std::string> arguments, const InputRules& rules,
                      std::istream& standard_input);

struct ListedName {
  std::string text = {};  ///< As the list has it; never empty, and without a NUL byte.
  std::size_t line = 1;   ///< Where it begins.
};

/// The names in a list of inputs, in its order.
struct InputList {
  std::vector<ListedName> names = {};
  bool separated_by_nul = false;  ///< As `find -print0` writes them: every byte belongs to a name.
};

/// All of a list on standard input; nothing where it cannot be read. Throws
/// `Error(UnsupportedFormat)`, naming `source`, for an archive, before it is read as a whole.
std::optional<std::string> read_input_list(std::istream& in, const std::string& source);

/// Takes a list apart: one name per line, or names separated by NUL bytes where it holds any. Empty
/// names are none; a byte order mark in front is dropped. Throws `Error(UnsupportedFormat)`, naming
/// `source`, for text in UTF-16 or UTF-32 and for an archive.
InputList parse_input_list(std::string_view text, const std::string& source);

/// The spellings that a line may stand for, the likeliest first: the line itself, without the
/// carriage return of Windows, without white space around it.
std::vector<std::string> spellings_of_line(const std::string& line);

}  // namespace sapiens::cli

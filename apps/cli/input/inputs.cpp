#include "cli/input/inputs.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <sapiens/video.hpp>
#include <set>
#include <system_error>
#include <utility>

#include "cli/input/archive_inputs.hpp"
#include "cli/input/input_errors.hpp"
#include "cli/input/name_patterns.hpp"
#include "cli/terminal/messages.hpp"
#include "core/open_file.hpp"

namespace sapiens::cli {
namespace {

namespace fs = std::filesystem;

/// What the system knows a folder by, whatever its name.
using FolderId = std::pair<::dev_t, ::ino_t>;

std::optional<FolderId> folder_id(const fs::path& path) {
  struct ::stat status {};
  if (::stat(path.c_str(), &status) != 0) return std::nullopt;
  return FolderId{status.st_dev, status.st_ino};
}

class Collector {
 public:
  explicit Collector(const InputRules& rules)
      : rules_(rules), output_(absolute_text(rules.output)) {}

  void add(const fs::path& path) {
    if (const std::optional<int> camera = rules_.videos ? camera_of(path.string()) : std::nullopt) {
      add_camera(path, *camera);
      return;
    }
    std::error_code error;
    const fs::file_status status = fs::status(path, error);
    if (!fs::exists(status)) {
      fail(path, error);
    } else if (fs::is_directory(status)) {
      add_folder(path);
    } else if (lower_extension(path) == ".txt") {
      add_list_file(path);
    } else {
      add_file(path, path.filename());
    }
  }

  /// A list on standard input.
  void add_standard_input_list(std::istream& in) {
    const std::string source = "standard input";
    errno = 0;
    const std::optional<std::string> text = read_input_list(in, source);
    if (!text) return fail(source, {errno != 0 ? errno : EIO, std::generic_category()});
    add_list(parse_input_list(*text, source), {}, source);
  }

  /// Names are relative to the working directory or else to `folder`; `source` is the list's name.
  void add_list(const InputList& list, const fs::path& folder, const std::string& source) {
    for (const ListedName& name : list.names) {
      if (list.separated_by_nul) {
        add_whole_name(name, folder, source);
      } else {
        add_line(name.text, folder, source);
      }
    }
  }

  /// `tar:-`. It is not read here, and could not be read twice.
  void add_standard_input() {
    if (rules_.expand_archives) throw_read_once();
    tars_ = true;
    if (!seen_.insert("tar:-").second) return leave_out(LeftOutReason::Repeated, "tar:-");
    inputs_.files.push_back({.path = "-", .name = "stdin", .archive = true});
  }

  Inputs take() {
    if (!rules_.image_keys.empty() && !tars_) throw_no_tar();
    return std::move(inputs_);
  }

 private:
  void leave_out(LeftOutReason reason, const fs::path& path) {
    inputs_.left_out.add(reason, path.string());
  }

  /// Where a listed name lies; nothing where it does not exist.
  static std::optional<fs::path> find_listed(const fs::path& name, const fs::path& folder) {
    std::error_code error;
    if (fs::exists(name, error)) return name;
    if (name.is_relative() && fs::exists(folder / name, error)) return folder / name;
    return std::nullopt;
  }

  void add_line(const std::string& line, const fs::path& folder, const std::string& source) {
    const std::vector<std::string> spellings = spellings_of_line(line);
    if (spellings.empty()) return;
    for (const std::string& spelling : spellings) {
      if (const auto found = find_listed(spelling, folder)) return add_found(*found);
    }
    // Comments come last: a file may be called #1.jpg.
    if (spellings.back().front() == '#') {
      leave_out(LeftOutReason::Comment, source + ": " + spellings.back());
    } else {
      add_missing(spellings.back());
    }
  }

  void add_whole_name(const ListedName& name, const fs::path& folder, const std::string& source) {
    if (const auto found = find_listed(name.text, folder)) return add_found(*found);
    if (name.text.find('\n') == std::string::npos) return add_missing(name.text);
    throw_mixed_list(source, name.line);
  }

  // A list inside a list is opened as an image and refused as one: no endless recursion.
  void add_found(const fs::path& path) {
    std::error_code error;
    if (fs::is_directory(path, error)) {
      add_folder(path);
    } else {
      add_file(path, path.filename());
    }
  }

  /// A camera, or a name that does not exist.
  void add_missing(const fs::path& name) {
    if (const std::optional<int> camera = rules_.videos ? camera_of(name.string()) : std::nullopt) {
      return add_camera(name, *camera);
    }
    std::error_code error;
    const bool found = fs::exists(fs::status(name, error));  // not if it was gone a moment ago
    fail(name,
         found || !error ? std::make_error_code(std::errc::no_such_file_or_directory) : error);
  }

  void add_list_file(const fs::path& path) {
    std::optional<FileMap> file;
    try {
      file.emplace(path);
    } catch (const Error& error) {
      if (error.code() == ErrorCode::OutOfResources) throw;
      inputs_.failed.push_back({path.string(), error});
      return;
    }
    const InputList list = file->checked([&](std::span<const std::byte> bytes) {
      return parse_input_list({reinterpret_cast<const char*>(bytes.data()), bytes.size()},
                              path.string());
    });
    add_list(list, path.parent_path(), path.string());
  }

  void add_folder(const fs::path& folder) {
    if (absolute_text(folder) == output_) throw_output_is_input(folder);
    if (rules_.folders_are_videos) return add_frames(folder);
    scan(folder, {});
  }

  /// The names in `folder` that are neither hidden nor labels, sorted. photo_seg.png beside
  /// photo.jpg is left out: those are its labels, as `sapiens seg` writes them and `sapiens eval`
  /// reads them.
  std::vector<fs::path> names_in(const fs::path& folder, std::error_code& error) {
    std::vector<fs::path> names;
    std::set<std::string> labels;
    // Not a loop over a range: that throws where a disk fails in the middle.
    for (fs::directory_iterator entry(folder, error); !error && entry != fs::directory_iterator();
         entry.increment(error)) {
      names.push_back(entry->path().filename());
    }
    std::sort(names.begin(), names.end());
    for (const fs::path& name : names) {
      const bool image = !is_hidden(name) && is_image_name(name);
      if (image) labels.insert(name.stem().string() + "_seg.png");
    }
    std::erase_if(names, [&](const fs::path& name) {
      const bool hidden = is_hidden(name);
      if (!hidden && !labels.contains(name.string())) return false;
      leave_out(hidden ? LeftOutReason::Hidden : LeftOutReason::Labels, folder / name);
      return true;
    });
    return names;
  }

  void add_frames(const fs::path& folder) {
    std::error_code error;
    const std::vector<fs::path> names = names_in(folder, error);
    if (error) return fail(folder, error);
    InputFile video{.path = folder, .name = fs::path(name_key(folder)).filename(), .video = true};
    for (const fs::path& name : names) {
      if (is_image_name(name)) {
        video.frames.push_back(folder / name);
      } else {
        const bool inside = fs::is_directory(folder / name, error);
        leave_out(inside ? LeftOutReason::Folder : LeftOutReason::OtherKind, folder / name);
      }
    }
    if (video.frames.empty())
      return fail(folder, std::make_error_code(std::errc::no_such_file_or_directory));
    add_once(std::move(video));
  }

  void scan(const fs::path& folder, const fs::path& below) {
    std::error_code error;
    const std::vector<fs::path> names = names_in(folder, error);
    if (error) return fail(folder, error);
    const std::optional<FolderId> id = folder_id(folder);
    const bool again = id && !searched_.insert(*id).second;
    if (again && ++searched_again_ > kMaxSearchedAgain) throw_searched_again(folder);
    if (id) above_.push_back(*id);
    for (const fs::path& name : names) look_at(folder / name, below / name);
    if (id) above_.pop_back();
  }

  void look_at(const fs::path& path, const fs::path& name) {
    std::error_code error;
    const fs::file_status status = fs::status(path, error);
    if (fs::is_directory(status)) {
      enter(path, name);
    } else if (is_wanted(path)) {
      add_file(path, name);  // also a broken link: opening it reports the error
    } else if (status.type() == fs::file_type::not_found) {
      leave_out(LeftOutReason::BrokenLink, path);
    } else if (status.type() == fs::file_type::none) {
      fail(path, error);  // it may be a folder full of images
    } else {
      leave_out(LeftOutReason::OtherKind, path);
    }
  }

  void enter(const fs::path& path, const fs::path& name) {
    if (!rules_.recursive) return leave_out(LeftOutReason::Folder, path);
    if (absolute_text(path) == output_) return leave_out(LeftOutReason::OutputFolder, path);
    const std::optional<FolderId> id = folder_id(path);
    const bool loop = id && std::ranges::find(above_, *id) != above_.end();
    if (loop) return leave_out(LeftOutReason::Loop, path);
    scan(path, name);
  }

  /// By its name, of what a folder holds.
  bool is_wanted(const fs::path& path) const {
    return is_image_name(path) || (rules_.arrays && is_array(path)) ||
           (rules_.videos && is_video_file(path)) || (rules_.archives && is_archive_name(path));
  }

  void add_camera(const fs::path& path, int camera) {
    add_once(
        {.path = path, .name = fmt::format("camera{}", camera), .video = true, .camera = camera});
  }

  void add_file(const fs::path& path, const fs::path& name) {
    InputFile input{.path = path, .name = name};
    if (!is_image_name(path) && !(rules_.arrays && is_array(path))) {
      input.video = rules_.videos && is_video_file(path);
      input.archive =
          rules_.archives && !input.video && (is_archive_name(path) || is_archive_of_images(path));
    }
    add_once(std::move(input));
  }

  void add_once(InputFile input) {
    if (!seen_.insert(name_key(input.path)).second) {
      return leave_out(LeftOutReason::Repeated, input.path);
    }
    if (input.archive && archive_bytes_of(input.path) != ArchiveBytes::Zip) tars_ = true;
    if (input.archive && rules_.expand_archives) {
      list_archive(input, {.image_keys = rules_.image_keys}, inputs_);
    } else {
      inputs_.files.push_back(std::move(input));
    }
  }

  void fail(const fs::path& path, std::error_code why) {
    inputs_.failed.push_back(
        {path.string(), Error(ErrorCode::NotFound, {.summary = "this input cannot be read",
                                                    .file = path.string(),
                                                    .actual = why.message()})});
  }

  const InputRules& rules_;
  std::string output_;
  std::set<std::string> seen_;
  std::vector<FolderId> above_;  // the folders that are being searched, outermost first
  std::set<FolderId> searched_;
  int searched_again_ = 0;
  bool tars_ = false;
  Inputs inputs_;
};

}  // namespace

Inputs collect_inputs(std::span<const std::string> arguments, const InputRules& rules,
                      std::istream& standard_input) {
  Collector collector(rules);
  for (const std::string& argument : arguments) {
    if (argument == "-") {
      collector.add_standard_input_list(standard_input);
    } else if (rules.archives && argument == "tar:-") {
      collector.add_standard_input();
    } else {
      for (const std::string& name : expand_pattern(argument)) collector.add(name);
    }
  }
  return collector.take();
}

}  // namespace sapiens::cli

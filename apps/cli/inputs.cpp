#include "inputs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <fstream>
#include <optional>
#include <sapiens/video.hpp>
#include <set>
#include <string_view>
#include <system_error>

#include "text.hpp"

namespace sapiens::cli {
namespace {

namespace fs = std::filesystem;

// What Windows editors put in front of a text.
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

constexpr std::array<std::string_view, 4> kPictureExtensions = {".jpg", ".jpeg", ".png", ".webp"};

std::string lower_extension(const fs::path& path) {
  std::string extension = path.extension().string();
  for (char& c : extension) {
    if ('A' <= c && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return extension;
}

bool is_picture_name(const fs::path& path) {
  return std::find(kPictureExtensions.begin(), kPictureExtensions.end(), lower_extension(path)) !=
         kPictureExtensions.end();
}

/// The names in `folder` that do not begin with a dot, sorted. photo_seg.png beside photo.jpg is
/// left out: those are its labels, as `sapiens seg` writes them and `sapiens eval` reads them.
std::vector<fs::path> names_in(const fs::path& folder, std::error_code& error) {
  std::vector<fs::path> names;
  std::set<std::string> labels;
  // Not a loop over a range: that throws where a disk fails in the middle.
  for (fs::directory_iterator entry(folder, error); !error && entry != fs::directory_iterator();
       entry.increment(error)) {
    fs::path name = entry->path().filename();
    if (name.native().starts_with('.')) continue;
    if (is_picture_name(name)) labels.insert(name.stem().string() + "_seg.png");
    names.push_back(std::move(name));
  }
  std::erase_if(names, [&](const fs::path& name) { return labels.contains(name.string()); });
  std::sort(names.begin(), names.end());
  return names;
}

/// 3 of "camera:3".
std::optional<int> camera_of(std::string_view text) {
  constexpr std::string_view kPrefix = "camera:";
  if (!text.starts_with(kPrefix)) return std::nullopt;
  text.remove_prefix(kPrefix.size());
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = error == std::errc() && end == text.data() + text.size() && number >= 0;
  return whole ? std::optional(number) : std::nullopt;
}

class Collector {
 public:
  explicit Collector(const InputRules& rules)
      : rules_(rules), output_(absolute_text(rules.output)) {}

  void add(const fs::path& path) {
    if (const std::optional<int> camera = rules_.videos ? camera_of(path.string()) : std::nullopt) {
      inputs_.files.push_back({.path = path,
                               .name = fmt::format("camera{}", *camera),
                               .video = true,
                               .camera = camera});
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

  /// One path per line, relative to the working directory or else to `folder`.
  void add_list(std::istream& lines, const fs::path& folder) {
    std::string line;
    for (bool at_start = true; std::getline(lines, line); at_start = false) {
      if (at_start && line.starts_with(kByteOrderMark)) line.erase(0, kByteOrderMark.size());
      const std::size_t first = line.find_first_not_of(" \t\r");
      if (first == std::string::npos || line[first] == '#') continue;
      const fs::path path = line.substr(first, line.find_last_not_of(" \t\r") - first + 1);
      add_listed(path, folder);
    }
  }

  Inputs take() { return std::move(inputs_); }

 private:
  void add_listed(const fs::path& path, const fs::path& folder) {
    std::error_code error;
    const fs::path found =
        path.is_relative() && !fs::exists(path, error) && fs::exists(folder / path, error)
            ? folder / path
            : path;
    const fs::file_status status = fs::status(found, error);
    // A list inside a list is opened as a picture and refused as one: no endless recursion.
    if (fs::is_directory(status)) {
      add_folder(found);
    } else if (fs::exists(status)) {
      add_file(found, found.filename());
    } else {
      fail(path, error);
    }
  }

  void add_list_file(const fs::path& path) {
    std::ifstream lines(path);
    if (!lines) return fail(path, {errno, std::generic_category()});
    add_list(lines, path.parent_path());
  }

  void add_folder(const fs::path& folder) {
    if (absolute_text(folder) == output_) {
      throw Error(ErrorCode::InvalidArgument,
                  {.summary = "the output folder is also an input folder",
                   .file = folder.string(),
                   .hint = "write somewhere else; a folder inside it will do"});
    }
    if (rules_.folders_are_videos) return add_frames(folder);
    scan(folder, {});
  }

  void add_frames(const fs::path& folder) {
    std::error_code error;
    const std::vector<fs::path> names = names_in(folder, error);
    if (error) return fail(folder, error);
    InputFile video{
        .path = folder, .name = fs::path(absolute_text(folder)).filename(), .video = true};
    for (const fs::path& name : names) {
      if (is_picture_name(name)) video.frames.push_back(folder / name);
    }
    if (video.frames.empty())
      return fail(folder, std::make_error_code(std::errc::no_such_file_or_directory));
    if (seen_.insert(absolute_text(folder)).second) inputs_.files.push_back(std::move(video));
  }

  void scan(const fs::path& folder, const fs::path& below) {
    std::error_code error;
    const std::vector<fs::path> names = names_in(folder, error);
    if (error) return fail(folder, error);
    for (const fs::path& name : names) {
      const fs::path path = folder / name;
      if (fs::is_directory(path, error)) {
        // A linked folder may lead back to where we are.
        if (rules_.recursive && !fs::is_symlink(path, error) && absolute_text(path) != output_) {
          scan(path, below / name);
        }
      } else if (is_picture_name(name) || (rules_.arrays && is_array(name)) ||
                 (rules_.videos && is_video_file(path))) {
        add_file(path, below / name);
      }
    }
  }

  void add_file(const fs::path& path, const fs::path& name) {
    if (!seen_.insert(absolute_text(path)).second) return;
    const bool video = rules_.videos && !is_picture_name(path) && is_video_file(path);
    inputs_.files.push_back({.path = path, .name = name, .video = video});
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
  Inputs inputs_;
};

}  // namespace

std::span<const std::string_view> picture_extensions() { return kPictureExtensions; }

bool is_array(const fs::path& path) { return lower_extension(path) == ".npy"; }

Inputs collect_inputs(std::span<const std::string> arguments, const InputRules& rules,
                      std::istream& standard_input) {
  Collector collector(rules);
  for (const std::string& argument : arguments) {
    if (argument == "-") {
      collector.add_list(standard_input, {});
    } else {
      collector.add(argument);
    }
  }
  return collector.take();
}

}  // namespace sapiens::cli

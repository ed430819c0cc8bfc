#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <map>
#include <set>
#include <system_error>

#include "cli/run/jobs.hpp"
#include "cli/terminal/messages.hpp"
#include "core/open_file.hpp"

namespace sapiens::cli {
namespace {

namespace fs = std::filesystem;

fs::path without_extension(const fs::path& name) { return name.parent_path() / name.stem(); }

/// All folders that names of `files` lie in.
std::set<fs::path> folders_of(std::span<const InputFile> files) {
  std::set<fs::path> folders;
  for (const InputFile& file : files) {
    for (fs::path folder = file.name.parent_path(); !folder.empty();
         folder = folder.parent_path()) {
      if (!folders.insert(folder).second) break;
    }
  }
  return folders;
}

fs::path first_free(const fs::path& name, const std::set<fs::path>& taken) {
  fs::path candidate = name;
  for (int number = 2; taken.contains(candidate); ++number) {
    candidate = name;
    candidate += fmt::format(".{}", number);
  }
  return candidate;
}

/// One byte, because an empty file fits on a full disk.
std::error_code try_to_write(const fs::path& probe) {
  const Descriptor file(uninterrupted(
      [&] { return ::open(probe.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666); }));
  if (file.number() < 0) return {errno, std::generic_category()};
  ::unlink(probe.c_str());  // before it is written, so that a killed process leaves nothing
  if (uninterrupted([&] { return ::write(file.number(), "", 1); }) == 1) return {};
  return {errno, std::generic_category()};
}

}  // namespace

std::vector<OutputName> plan_outputs(std::span<const InputFile> files) {
  std::map<fs::path, int> wanted;
  for (const InputFile& file : files) ++wanted[without_extension(file.name)];
  // Frames of clip.mp4 go to clip/, where the results of clip/000000.png go as well.
  const std::set<fs::path> folders = folders_of(files);
  for (const InputFile& file : files) {
    const fs::path stem = without_extension(file.name);
    if (file.video && folders.contains(stem)) ++wanted[stem];
  }

  // Names that no other input wants come first, so that they do not depend on the order of the
  // rest.
  std::set<fs::path> taken;
  for (const auto& [stem, count] : wanted) {
    if (count == 1) taken.insert(stem);
  }
  std::vector<OutputName> names;
  for (const InputFile& file : files) {
    const fs::path stem = without_extension(file.name);
    if (wanted.at(stem) == 1) {
      names.push_back({stem});
    } else {
      names.push_back({first_free(file.name, taken), true});
      taken.insert(names.back().stem);
    }
  }
  return names;
}

void prepare_output_folder(const fs::path& folder) {
  if (folder.empty()) {
    throw Error(ErrorCode::InvalidArgument, {.summary = "the output folder has no name",
                                             .key = "--output",
                                             .hint = "the folder that you are in is called `.`"});
  }
  std::error_code error;
  fs::create_directories(folder, error);
  if (!error) error = try_to_write(folder / fmt::format(".sapiens-probe-{}", getpid()));
  if (!error) return;
  throw Error(ErrorCode::WriteFailed,
              {.summary = "cannot write to the output folder",
               .file = folder.string(),
               .actual = error.message(),
               .hint = "choose another --output, or make room and permission there"});
}

void create_parent(const fs::path& file) {
  if (!file.has_parent_path()) return;  // the folder that we are in
  std::error_code error;
  fs::create_directories(file.parent_path(), error);
  if (error) {
    throw Error(ErrorCode::WriteFailed, {.summary = "cannot create an output folder",
                                         .file = file.parent_path().string(),
                                         .actual = error.message()});
  }
}

void expect_no_input_among(std::span<const fs::path> outputs, std::span<const InputFile> files) {
  std::set<std::string> inputs;
  for (const InputFile& file : files) inputs.insert(absolute_text(file.path));
  for (const fs::path& output : outputs) {
    if (inputs.contains(absolute_text(output))) {
      throw Error(ErrorCode::InvalidArgument, {.summary = "an output would replace an input",
                                               .file = output.string(),
                                               .hint = "choose another --output folder"});
    }
  }
}

}  // namespace sapiens::cli

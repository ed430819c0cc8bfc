#include <algorithm>
#include <array>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "cli/input/archive_inputs.hpp"

namespace sapiens::cli {
namespace {

namespace fs = std::filesystem;
using namespace std::string_view_literals;

constexpr std::array kArchiveEndings = {".tar"sv,    ".tar.gz"sv,  ".tgz"sv, ".tar.bz2"sv,
                                        ".tar.xz"sv, ".tar.zst"sv, ".zip"sv};

// First members of documents, packages of programs, and files of PyTorch, all of which are zips.
constexpr std::array kOtherZips = {"[Content_Types].xml"sv, "mimetype"sv, "META-INF/"sv,
                                   "AndroidManifest.xml"sv};

/// Of a name that has one and more than that.
std::string_view archive_ending(std::string_view name) {
  const std::string small = lower_case(name);
  const auto found = std::ranges::find_if(kArchiveEndings, [&](std::string_view ending) {
    return small.ends_with(ending) && small.size() > ending.size();
  });
  return found == kArchiveEndings.end() ? ""sv : *found;
}

bool is_zip_of_something_else(std::string_view first_member) {
  return first_member.ends_with("/data.pkl") || first_member.ends_with(".npy") ||
         std::ranges::any_of(kOtherZips, [&](std::string_view beginning) {
           return first_member.starts_with(beginning);
         });
}

bool is_zip_of_images(const fs::path& file) {
  const std::optional<ArchiveMember> first = ArchiveReader(file).next();
  if (!first || is_zip_of_something_else(first->name)) return false;
  return ArchiveSamples({.path = file, .name = file.filename()}, {}).next().has_value();
}

}  // namespace

bool is_archive_name(const fs::path& path) {
  return !archive_ending(path.filename().string()).empty();
}

fs::path without_archive_ending(const fs::path& name) {
  const std::string file = name.filename().string();
  return name.parent_path() / file.substr(0, file.size() - archive_ending(file).size());
}

ArchiveBytes archive_bytes(std::string_view first) {
  constexpr std::size_t kTarMark = 257;
  if (first.size() > kTarMark && first.substr(kTarMark).starts_with("ustar")) {
    return ArchiveBytes::Tar;
  }
  // Of a file; of the end of a zip without members.
  for (const auto mark : {"PK\3\4"sv, "PK\5\6"sv}) {
    if (first.starts_with(mark)) return ArchiveBytes::Zip;
  }
  for (const auto mark : {"\x1f\x8b\x08"sv, "\xfd\x37zXZ\0"sv, "\x28\xb5\x2f\xfd"sv}) {
    if (first.starts_with(mark)) return ArchiveBytes::Compressed;
  }
  // A digit is between the two; a list may begin with BZh.
  const bool is_bzip2 =
      first.size() > 4 && first.starts_with("BZh") && first.substr(4).starts_with("1AY&SY");
  return is_bzip2 ? ArchiveBytes::Compressed : ArchiveBytes::None;
}

ArchiveBytes archive_bytes_of(const fs::path& file) {
  std::error_code error;
  // To look into a pipe would take its bytes away.
  if (!fs::is_regular_file(file, error)) return ArchiveBytes::None;
  std::array<char, kArchiveMark> bytes{};
  std::ifstream in(file, std::ios::binary);
  in.read(bytes.data(), bytes.size());
  return archive_bytes({bytes.data(), static_cast<std::size_t>(in.gcount())});
}

bool is_archive_of_images(const fs::path& file) {
  const ArchiveBytes bytes = archive_bytes_of(file);
  if (bytes == ArchiveBytes::None || bytes == ArchiveBytes::Tar) return bytes == ArchiveBytes::Tar;
  try {
    if (bytes == ArchiveBytes::Zip) return is_zip_of_images(file);
    ArchiveReader reader(file);
    return true;
  } catch (const Error&) {
    return false;  // it is refused as whatever else it may be
  }
}

void list_archive(const InputFile& archive, SampleRules rules, Inputs& inputs) {
  const auto fail = [&](const Error& error) {
    inputs.failed.push_back({archive.path.string(), error});
  };
  try {
    ArchiveSamples samples(archive, std::move(rules));
    try {
      while (std::optional<ArchiveSamples::Sample> sample = samples.next()) {
        if (sample->error) {
          inputs.failed.push_back({sample->input.text(), *sample->error});
        } else {
          inputs.files.push_back(std::move(sample->input));
        }
      }
    } catch (const Error& error) {
      fail(error);
    }
    inputs.left_out.add(samples.left_out());
  } catch (const Error& error) {
    fail(error);
  }
}

}  // namespace sapiens::cli

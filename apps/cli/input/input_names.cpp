#include <algorithm>
#include <array>
#include <system_error>

#include "cli/input/inputs.hpp"
#include "core/parse_number.hpp"

namespace sapiens::cli {
namespace {

namespace fs = std::filesystem;

// The names under which JPEG, PNG and WebP are saved; browsers write .jfif and .pjpeg.
constexpr std::array<std::string_view, 9> kImageExtensions = {
    ".jpg", ".jpeg", ".png", ".webp", ".jpe", ".jfif", ".jif", ".pjpeg", ".pjp"};

}  // namespace

std::span<const std::string_view> image_extensions() { return kImageExtensions; }

std::string lower_extension(const fs::path& path) { return lower_case(path.extension().string()); }

bool is_image_name(const fs::path& path) {
  return std::find(kImageExtensions.begin(), kImageExtensions.end(), lower_extension(path)) !=
         kImageExtensions.end();
}

bool is_hidden(const fs::path& name) { return name.native().starts_with('.'); }

std::optional<int> camera_of(std::string_view text) {
  constexpr std::string_view kPrefix = "camera:";
  if (!text.starts_with(kPrefix)) return std::nullopt;
  text.remove_prefix(kPrefix.size());
  const auto number = parse_number<int>(text);
  return number >= 0 ? number : std::nullopt;
}

std::string name_key(const fs::path& path) {
  std::error_code error;
  fs::path key;
  for (const fs::path& part : fs::absolute(path, error)) {
    if (part.empty() || part == ".") continue;
    if (part != "..") {
      key /= part;
      continue;
    }
    // The folder above a linked folder is above the link's target.
    if (fs::is_symlink(key, error)) key = fs::weakly_canonical(key, error);
    key = key.parent_path();
  }
  return key.string();
}

std::string InputFile::text() const {
  return member.empty() ? path.string() : path.string() + "/" + member;
}

bool is_array(const fs::path& path) { return lower_extension(path) == ".npy"; }

}  // namespace sapiens::cli

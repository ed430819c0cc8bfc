#include <algorithm>
#include <array>
#include <charconv>
#include <system_error>

#include "cli/input/inputs.hpp"

namespace sapiens::cli {
namespace {

namespace fs = std::filesystem;

// The names under which JPEG, PNG and WebP are saved; browsers write .jfif and .pjpeg.
constexpr std::array<std::string_view, 9> kImageExtensions = {
    ".jpg", ".jpeg", ".png", ".webp", ".jpe", ".jfif", ".jif", ".pjpeg", ".pjp"};

}  // namespace

std::span<const std::string_view> image_extensions() { return kImageExtensions; }

std::string lower_extension(const fs::path& path) {
  std::string extension = path.extension().string();
  for (char& c : extension) {
    if ('A' <= c && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return extension;
}

bool is_image_name(const fs::path& path) {
  return std::find(kImageExtensions.begin(), kImageExtensions.end(), lower_extension(path)) !=
         kImageExtensions.end();
}

bool is_hidden(const fs::path& name) { return name.native().starts_with('.'); }

std::optional<int> camera_of(std::string_view text) {
  constexpr std::string_view kPrefix = "camera:";
  if (!text.starts_with(kPrefix)) return std::nullopt;
  text.remove_prefix(kPrefix.size());
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = error == std::errc() && end == text.data() + text.size() && number >= 0;
  return whole ? std::optional(number) : std::nullopt;
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

bool is_array(const fs::path& path) { return lower_extension(path) == ".npy"; }

}  // namespace sapiens::cli

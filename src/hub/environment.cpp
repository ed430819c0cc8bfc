#include "hub/environment.hpp"

#include <algorithm>
#include <cstdlib>

namespace sapiens::hub {

namespace fs = std::filesystem;

std::string environment(const char* variable) {
  const char* const value = std::getenv(variable);
  return value ? value : "";
}

bool is_set(const char* variable) {
  std::string value = environment(variable);
  std::ranges::transform(value, value.begin(), [](char c) {
    return 'A' <= c && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return value == "1" || value == "on" || value == "yes" || value == "true";
}

fs::path environment_path(const char* variable) {
  const std::string value = environment(variable);
  const std::string home = environment("HOME");
  if (home.empty() || !(value == "~" || value.starts_with("~/"))) return value;
  return home + value.substr(1);
}

fs::path cache_folder(const char* name) {
  // The specification of XDG has relative paths ignored.
  if (const fs::path xdg = environment("XDG_CACHE_HOME"); xdg.is_absolute()) return xdg / name;
  if (const fs::path home = environment("HOME"); home.is_absolute()) return home / ".cache" / name;
  return {};
}

fs::path hugging_face_home() {
  const fs::path chosen = environment_path("HF_HOME");
  return chosen.empty() ? cache_folder("huggingface") : chosen;
}

fs::path hugging_face_cache() {
  for (const char* variable : {"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"}) {
    if (fs::path chosen = environment_path(variable); !chosen.empty()) return chosen;
  }
  const fs::path home = hugging_face_home();
  return home.empty() ? home : home / "hub";
}

}  // namespace sapiens::hub

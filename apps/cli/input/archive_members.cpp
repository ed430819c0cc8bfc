#include "cli/input/archive_members.hpp"

#include <fmt/format.h>

namespace sapiens::cli {
namespace {

/// Calls `action` with the parts of a path, of which some may be empty, until it returns true.
template <typename Action>
bool any_part(std::string_view path, Action action) {
  for (;;) {
    const std::size_t end = path.find('/');
    if (action(path.substr(0, end))) return true;
    if (end == path.npos) return false;
    path.remove_prefix(end + 1);
  }
}

}  // namespace

std::string_view below_folder(std::string_view name) {
  while (name.starts_with("./")) name.remove_prefix(2);
  return name;
}

bool is_hidden_member(std::string_view name) {
  return any_part(name, [](std::string_view part) {
    return part == "__MACOSX" || (part.starts_with('.') && part != "." && part != "..");
  });
}

std::string problem_of_name(std::string_view name) {
  if (name.size() > kMaxMemberName) return fmt::format("it has {} bytes", name.size());
  if (name.starts_with('/')) return "it begins at the root of all folders";
  std::string problem;
  any_part(name, [&](std::string_view part) {
    if (part == "." || part == ".." || part.empty()) {
      problem = fmt::format("a folder in it is called `{}`", part);
    } else if (part.size() > kMaxMemberPart) {
      problem = fmt::format("one of its parts has {} bytes", part.size());
    }
    return !problem.empty();
  });
  return problem;
}

bool is_sidecar(std::string_view field) {
  const std::string_view last = field.substr(field.rfind('.') + 1);
  return last == "json" || last == "txt" || last == "cls";
}

bool KeySet::insert(std::string_view key) {
  std::uint64_t fnv = 0xcbf29ce484222325u;
  for (const char byte : key) fnv = (fnv ^ static_cast<unsigned char>(byte)) * 0x100000001b3u;
  return keys_.insert({fnv, std::hash<std::string_view>()(key)}).second;
}

}  // namespace sapiens::cli

#include "hub/local_files.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <system_error>

#include "hub/cached_repository.hpp"
#include "hub/environment.hpp"
#include "hub/partial_file.hpp"
#include "sapiens/error.hpp"

namespace sapiens {
namespace {

namespace fs = std::filesystem;

/// "sapiens2_0.3b", "0.3b:dance": the size, or the family, is one of ours, so the rest is a mistake
/// in a name and not a path.
bool is_mistaken_name(std::string_view text) {
  constexpr std::string_view kSecondFamily = "sapiens2_";
  constexpr std::string_view kSizes = "0123456789.bB";
  const std::size_t colon = text.find(':');
  const std::string_view model = text.substr(0, colon);
  if (model.starts_with(kSecondFamily) && model.size() > kSecondFamily.size() &&
      model.find_first_not_of(kSizes, kSecondFamily.size()) == std::string_view::npos) {
    return true;
  }
  return colon != std::string_view::npos &&
         std::ranges::any_of(published_files(),
                             [&](const PublishedFile& file) { return file.model == model; });
}

[[noreturn]] void refuse_name(const std::string& name) {
  const std::string_view model = std::string_view(name).substr(0, name.find(':'));
  std::vector<std::string_view> of_model, of_family;
  for (const PublishedFile& file : published_files()) {
    if (file.model == model) of_model.push_back(file.name);
    if (file.name.starts_with("sapiens2_")) of_family.push_back(file.name);
  }
  throw Error(
      ErrorCode::NotFound,
      {.summary = "there is neither a file nor a published checkpoint of this name",
       .file = name,
       .expected = fmt::format("{}", fmt::join(of_model.empty() ? of_family : of_model, ", ")),
       .hint = "`published_files` shows all"});
}

[[noreturn]] void refuse_missing(const PublishedFile& file, bool begun) {
  std::vector<std::string> folders;
  for (const hub::Store& store : hub::stores()) folders.push_back(store.folder.string());
  throw Error(ErrorCode::NotFound,
              {.summary = begun ? "the download of this checkpoint is not finished"
                                : "this checkpoint has not been downloaded",
               .file = std::string(file.name),
               .actual = fmt::format("no complete {} of {} in {}", file.path, file.repository,
                                     fmt::join(folders, ", nor in ")),
               .hint = fmt::format("`sapiens pull {}` {}", file.name,
                                   begun ? "goes on with it" : "downloads it")});
}

}  // namespace

namespace hub {

std::vector<Store> stores(const fs::path& chosen) {
  if (!chosen.empty()) return {{.folder = chosen}};
  std::vector<Store> found;
  if (const fs::path own = environment("SAPIENS_CACHE"); !own.empty()) {
    found.push_back({.folder = own});
  }
  if (const fs::path shared = hugging_face_cache(); !shared.empty()) {
    found.push_back({.folder = shared, .is_shared_cache = true});
  }
  // Downloads went here before they were shared.
  const fs::path before = cache_folder("sapiens");
  if (environment("SAPIENS_CACHE").empty() && !before.empty()) found.push_back({.folder = before});
  if (!found.empty()) return found;
  throw Error(ErrorCode::InvalidArgument,
              {.summary = "there is no folder for downloaded checkpoints",
               .expected = "SAPIENS_CACHE, HF_HUB_CACHE, HF_HOME, XDG_CACHE_HOME or HOME in the "
                           "environment",
               .hint = "set SAPIENS_CACHE to a folder"});
}

LocalFile find_in(const Store& store, const PublishedFile& file) {
  std::error_code error;
  if (store.is_shared_cache) {
    const CachedRepository repository(store.folder, file.repository);
    const fs::path path = repository.find(file.path);
    if (path.empty()) return {.partial_bytes = repository.partial_size_of(file.path)};
    return {.path = path, .bytes = repository.size_of(path)};
  }
  const fs::path path = store.folder / file.file_name();
  if (fs::exists(path, error)) {
    const auto bytes = fs::file_size(path, error);
    return {.path = path, .bytes = error ? 0 : bytes};
  }
  const auto bytes = fs::file_size(partial_name(path), error);
  return {.partial_bytes = error ? 0 : bytes};
}

void expect_names(const PublishedFile& file) {
  const bool is_ours = is_repository(file.repository) && is_path_in_repository(file.path) &&
                       is_path_in_repository(file.file_name()) &&
                       file.file_name().find('/') == std::string_view::npos;
  if (is_ours) return;
  throw Error(ErrorCode::InvalidArgument,
              {.summary = "this cannot be a file of the hub",
               .key = fmt::format("{}/{}", file.repository, file.path),
               .expected = "a repository such as organisation/name, and a relative path in it",
               .hint = "use a repository and a path as the hub's page shows them"});
}

}  // namespace hub

fs::path hub::partial_name(const fs::path& path) { return path.string() + ".partial"; }

fs::path checkpoint_cache() { return hub::stores().front().folder; }

LocalFile find_local(const PublishedFile& file, const fs::path& folder) {
  hub::expect_names(file);
  LocalFile partial;
  for (const hub::Store& store : hub::stores(folder)) {
    LocalFile there = hub::find_in(store, file);
    if (!there.path.empty()) return there;
    if (partial.partial_bytes == 0) partial = std::move(there);
  }
  return partial;
}

fs::path find_checkpoint(const std::string& path_or_name) {
  std::error_code ignored;
  const PublishedFile* const file = find_published(path_or_name);
  if (!file) {
    if (is_mistaken_name(path_or_name) && !fs::exists(path_or_name, ignored)) {
      refuse_name(path_or_name);
    }
    return path_or_name;
  }
  if (fs::is_regular_file(path_or_name, ignored)) return path_or_name;  // no folder "detector"
  LocalFile local = find_local(*file);
  if (local.path.empty()) refuse_missing(*file, local.partial_bytes > 0);
  return std::move(local.path);
}

}  // namespace sapiens

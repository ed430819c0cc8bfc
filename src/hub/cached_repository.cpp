#include "hub/cached_repository.hpp"

#include <algorithm>
#include <fstream>
#include <system_error>
#include <utility>

namespace sapiens::hub {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxRepositoryName = 96;  // The hub allows no longer ones.
constexpr std::size_t kMaxRecord = 4096;        // Records hold an address and two digests.

bool is_hexadecimal(std::string_view text, std::size_t digits) {
  return text.size() == digits && std::ranges::all_of(text, [](char c) {
           return ('0' <= c && c <= '9') || ('a' <= c && c <= 'f');
         });
}

bool is_name(std::string_view text) {
  return !text.empty() && text.front() != '.' && text.find("..") == std::string_view::npos &&
         text.find("--") == std::string_view::npos && std::ranges::all_of(text, [](char c) {
           return ('a' <= c && c <= 'z') || ('A' <= c && c <= 'Z') || ('0' <= c && c <= '9') ||
                  c == '-' || c == '_' || c == '.';
         });
}

/// The first bytes of a regular file; empty if it cannot be read.
std::string beginning_of(const fs::path& path, std::size_t bytes) {
  std::error_code error;
  if (!fs::is_regular_file(path, error)) return {};  // Opening a pipe would wait for its writer.
  std::ifstream file(path, std::ios::binary);
  std::string text(bytes, '\0');
  file.read(text.data(), static_cast<std::streamsize>(bytes));
  text.resize(static_cast<std::size_t>(file.gcount()));
  return text;
}

bool is_within(const fs::path& path, const fs::path& folder) {
  std::error_code error;
  const fs::path real = fs::canonical(folder, error);
  if (error) return false;
  return std::ranges::mismatch(real, path).in1 == real.end();
}

}  // namespace

bool is_commit(std::string_view text) { return is_hexadecimal(text, 40); }

bool is_sha256(std::string_view text) { return is_hexadecimal(text, 64); }

bool is_repository(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (text.size() > kMaxRepositoryName) return false;
  if (slash == std::string_view::npos) return is_name(text);
  return is_name(text.substr(0, slash)) && is_name(text.substr(slash + 1));
}

bool is_path_in_repository(std::string_view text) {
  while (true) {
    const std::size_t slash = text.find('/');
    const std::string_view part = text.substr(0, slash);
    const bool plain = std::ranges::all_of(part, [](char c) { return ' ' <= c && c <= '~'; });
    if (part.empty() || part == "." || part == ".." || !plain ||
        part.find('\\') != std::string_view::npos) {
      return false;
    }
    if (slash == std::string_view::npos) return true;
    text.remove_prefix(slash + 1);
  }
}

CachedRepository::CachedRepository(fs::path cache, std::string_view repository)
    : cache_(std::move(cache)) {
  std::string name = "models--" + std::string(repository);
  if (const std::size_t slash = name.find('/'); slash != std::string::npos) {
    name.replace(slash, 1, "--");
  }
  folder_ = cache_ / name;
}

CachedRepository CachedRepository::of_blob(const fs::path& blob) {
  CachedRepository repository;
  repository.folder_ = blob.parent_path().parent_path();
  repository.cache_ = repository.folder_.parent_path();
  return repository;
}

fs::path CachedRepository::blob(std::string_view digest) const {
  return folder_ / "blobs" / digest;
}

fs::path CachedRepository::snapshot(std::string_view commit, std::string_view path) const {
  return folder_ / "snapshots" / commit / path;
}

fs::path CachedRepository::main() const { return folder_ / "refs" / "main"; }

fs::path CachedRepository::lock(std::string_view digest) const {
  return cache_ / ".locks" / folder_.filename() / (std::string(digest) + ".lock");
}

std::string CachedRepository::main_commit() const {
  std::string text = beginning_of(main(), 64);
  while (text.ends_with('\n') || text.ends_with('\r') || text.ends_with(' ')) text.pop_back();
  return is_commit(text) ? text : "";
}

bool CachedRepository::contains(const fs::path& path) const {
  std::error_code error;
  const fs::path real = fs::canonical(path, error);
  // A repository may have been moved to another disk, with a link to it in the cache.
  return !error && (is_within(real, cache_) || is_within(real, folder_));
}

std::uint64_t CachedRepository::size_of(const fs::path& file) const {
  std::error_code error;
  const fs::path real = fs::canonical(file, error);
  if (error || !fs::is_regular_file(real, error)) return 0;
  if (real.extension() == ".incomplete" || real.extension() == ".partial") return 0;
  if (!contains(real)) return 0;
  const std::uint64_t size = fs::file_size(real, error);
  return error ? 0 : size;
}

fs::path CachedRepository::find(std::string_view path) const {
  const std::string commit = main_commit();
  if (commit.empty()) return {};
  const fs::path file = snapshot(commit, path);
  return size_of(file) > 0 ? file : fs::path();
}

std::string CachedRepository::blob_name(const fs::path& file) {
  std::error_code error;
  const fs::path target = fs::read_symlink(file, error);
  return (error ? file : target).filename().string();
}

std::uint64_t CachedRepository::partial_size_of(std::string_view path) const {
  const std::string end_of_url = "/resolve/main/" + std::string(path) + '"';
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder_ / "blobs", error)) {
    const fs::path& partial = entry.path();
    if (partial.extension() != ".partial") continue;
    const std::string record = beginning_of(partial.string() + ".json", kMaxRecord);
    if (record.find(end_of_url) == std::string::npos) continue;
    const std::uint64_t size = entry.file_size(error);
    if (!error && size > 0) return size;
  }
  return 0;
}

}  // namespace sapiens::hub

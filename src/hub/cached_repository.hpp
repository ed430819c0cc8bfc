#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace sapiens::hub {

/// Whether `text` is an identifier of a commit: 40 hexadecimal digits in lower case.
bool is_commit(std::string_view text);

/// Whether `text` is a SHA-256: 64 hexadecimal digits in lower case.
bool is_sha256(std::string_view text);

/// Whether `text` can name a repository of the hub: "name" or "organisation/name", of letters,
/// digits, "-", "_" and ".", without "--" and "..". Nothing else becomes a part of a path.
bool is_repository(std::string_view text);

/// Whether `text` is a relative path of a file that stays in its repository.
bool is_path_in_repository(std::string_view text);

/// A repository in the cache that Hugging Face's tools share:
///
///     CACHE/.locks/models--ORG--NAME/DIGEST.lock      held while DIGEST is downloaded
///     CACHE/models--ORG--NAME/blobs/DIGEST            content; may link to CACHE/blobs/
///                             refs/main               the commit that "main" was last
///                             snapshots/COMMIT/PATH   -> ../../blobs/DIGEST
///
/// Snapshots hold the files themselves where links are not possible.
class CachedRepository {
 public:
  /// `repository` must be one that `is_repository` accepts.
  CachedRepository(std::filesystem::path cache, std::string_view repository);

  /// The repository that `blob` lies in.
  static CachedRepository of_blob(const std::filesystem::path& blob);

  const std::filesystem::path& folder() const { return folder_; }
  std::filesystem::path blob(std::string_view digest) const;
  std::filesystem::path snapshot(std::string_view commit, std::string_view path) const;
  std::filesystem::path main() const;
  std::filesystem::path lock(std::string_view digest) const;

  /// The commit in refs/main; empty where there is none, or something else is written there.
  std::string main_commit() const;

  /// Whether `path`, followed through all links, exists in the cache, or in the folder that a link
  /// to this repository leads to.
  bool contains(const std::filesystem::path& path) const;

  /// The size of `file` if it is a regular file, not an empty one and not one whose download goes
  /// on, and if its links stay in the cache; else 0. A cache is unpacked from archives and mounted
  /// from elsewhere, and a link in it to a file outside is not a download.
  std::uint64_t size_of(const std::filesystem::path& file) const;

  /// The file at `path` of the commit in refs/main; empty where `size_of` has none.
  std::filesystem::path find(std::string_view path) const;

  /// The first link of a file in a snapshot names its blob: the digest, or what a mirror has as
  /// ETag. The file's own name if it is not a link.
  static std::string blob_name(const std::filesystem::path& file);

  /// Bytes that an interrupted download of `path` has left in blobs/.
  std::uint64_t partial_size_of(std::string_view path) const;

 private:
  CachedRepository() = default;

  std::filesystem::path cache_;
  std::filesystem::path folder_;
};

}  // namespace sapiens::hub

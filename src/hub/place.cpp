#include "hub/place.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "core/atomic_file.hpp"
#include "hub/environment.hpp"
#include "hub/local_files.hpp"
#include "hub/partial_file.hpp"
#include "sapiens/error.hpp"

namespace sapiens::hub {
namespace {

namespace fs = std::filesystem;

bool has_size(const RemoteFile& remote, std::uint64_t bytes) {
  return bytes > 0 && (!remote.bytes || *remote.bytes == bytes);
}

/// Whether the shared cache has a place for it, which is made of digest and commit.
bool has_shared_place(const RemoteFile& remote) {
  return is_sha256(remote.sha256) && is_commit(remote.commit);
}

void place_in_repository(RemoteFile& remote, const PublishedFile& file,
                         const CachedRepository& repository) {
  remote.path = repository.snapshot(remote.commit, file.path);
  remote.blob = repository.blob(remote.sha256);
}

/// The file under its commit, or its content under another one.
bool is_in_repository(RemoteFile& remote, const PublishedFile& file,
                      const CachedRepository& repository) {
  if (has_shared_place(remote)) {
    RemoteFile placed = remote;
    place_in_repository(placed, file, repository);
    if (!has_size(remote, repository.size_of(placed.path)) &&
        !has_size(remote, repository.size_of(placed.blob))) {
      return false;
    }
    remote = std::move(placed);
    return true;
  }
  const fs::path path = repository.find(file.path);
  if (!has_size(remote, repository.size_of(path))) return false;
  if (has_digest(remote) && CachedRepository::blob_name(path) != remote.sha256) return false;
  remote.path = path;
  return true;
}

bool is_in(const Store& store, RemoteFile& remote, const PublishedFile& file) {
  if (store.is_shared_cache) {
    return is_in_repository(remote, file, CachedRepository(store.folder, file.repository));
  }
  const fs::path path = store.folder / file.file_name();
  std::error_code error;
  if (!fs::is_regular_file(path, error)) return false;
  const auto bytes = fs::file_size(path, error);
  if (error || (remote.bytes && *remote.bytes != bytes)) return false;
  remote.path = path;
  return true;
}

/// The place of a download in `store`; false if it cannot take the file.
bool place_in(const Store& store, RemoteFile& remote, const PublishedFile& file) {
  remote.blob.clear();
  if (!store.is_shared_cache) {
    remote.path = store.folder / file.file_name();
    remote.partial_bytes = partial_size(remote);
    return true;
  }
  if (!has_shared_place(remote)) return false;
  place_in_repository(remote, file, CachedRepository(store.folder, file.repository));
  RemoteFile content = remote;
  content.path = remote.blob;
  remote.partial_bytes = partial_size(content);
  return true;
}

[[noreturn]] void refuse_other_version(const RemoteFile& remote, const LocalFile& other) {
  throw Error(
      ErrorCode::WriteFailed,
      {.summary = "the cache has another version of this file, and cannot take this one",
       .file = other.path.string(),
       .expected = "a digest and a commit from the hub, by which the cache keeps versions apart",
       .actual = fmt::format("{} bytes; {} tells {} bytes", other.bytes, remote.url,
                             remote.bytes ? std::to_string(*remote.bytes) : "no number of"),
       .hint = "name another folder with `folder`"});
}

bool cannot_link(int reason) {
  return reason == EPERM || reason == EOPNOTSUPP || reason == ENOSYS || reason == EACCES;
}

}  // namespace

void choose_place(RemoteFile& remote, const PublishedFile& file, const fs::path& folder) {
  const std::vector<Store> all = stores(folder);
  for (const Store& store : all) {
    remote.is_downloaded = is_in(store, remote, file);
    if (remote.is_downloaded) return;
    // Another version, which the name would lead to, whatever another store has.
    const LocalFile other = find_in(store, file);
    if (other.path.empty()) continue;
    if (place_in(store, remote, file)) return;
    refuse_other_version(remote, other);
  }
  for (const Store& store : all) {
    if (place_in(store, remote, file) && remote.partial_bytes > 0) return;
  }
  for (const Store& store : all) {
    if (place_in(store, remote, file)) return;
  }
  // Only a file that cannot be shared, and no home folder to keep it in.
  throw Error(
      ErrorCode::InvalidArgument,
      {.summary = "there is no folder for a file of which the hub tells no digest or commit",
       .file = remote.url,
       .expected = "SAPIENS_CACHE, XDG_CACHE_HOME or HOME in the environment",
       .hint = "name a folder with `folder`"});
}

void expect_inside(const CachedRepository& repository, const fs::path& folder) {
  if (repository.contains(folder)) return;
  std::error_code error;
  throw Error(ErrorCode::WriteFailed,
              {.summary = "a folder of the cache is a link that leads out of it",
               .file = folder.string(),
               .actual = fs::canonical(folder, error).string(),
               .hint = "remove the link, or name another folder with `folder`"});
}

void link_snapshot(const fs::path& blob, const fs::path& pointer, bool may_move) {
  // A name that is no digest, beside the blob: snapshots may hold nothing but files.
  const fs::path temporary = blob.string() + ".link";
  const fs::path target = blob.lexically_relative(pointer.parent_path());
  if (!is_set("HF_HUB_DISABLE_SYMLINKS")) {
    ::unlink(temporary.c_str());  // Of a process that was killed; ours is the lock.
    if (::symlink(target.c_str(), temporary.c_str()) == 0) {
      if (::rename(temporary.c_str(), pointer.c_str()) == 0) return;
      const int reason = errno;
      ::unlink(temporary.c_str());
      fail_to_write(pointer, "the link to the download cannot be made", reason);
    }
    if (!cannot_link(errno)) {
      fail_to_write(pointer, "the link to the download cannot be made", errno);
    }
  }
  if (may_move) {
    if (::rename(blob.c_str(), pointer.c_str()) == 0) return;
    fail_to_write(pointer, "the finished file cannot be renamed", errno);
  }
  const FileMap content(blob);
  AtomicFile copy(pointer);
  content.checked([&](std::span<const std::byte> bytes) { copy.write(bytes); });
  copy.commit();
}

void set_main_commit(const CachedRepository& repository, const std::string& commit) {
  if (repository.main_commit() == commit) return;
  AtomicFile file(repository.main());
  file.write(std::as_bytes(std::span(commit)));
  file.commit();
}

}  // namespace sapiens::hub

#pragma once

#include <filesystem>
#include <string>

#include "hub/cached_repository.hpp"
#include "sapiens/hub.hpp"

namespace sapiens::hub {

/// Fills `path`, `blob`, `partial_bytes` and `is_downloaded` of `remote`, whose size, digest and
/// commit are what the hub reported: the file if one of `stores(folder)` has it, else what an
/// interrupted download left, else the first store that can take it; but no store behind one with
/// another version of the file, because its name would lead there. Throws WriteFailed if that store
/// cannot take a second version.
void choose_place(RemoteFile& remote, const PublishedFile& file,
                  const std::filesystem::path& folder);

/// Throws WriteFailed if `folder` is a link that leads out of the cache, or lies behind one: what
/// is written there would not be found, and might replace what is not ours.
void expect_inside(const CachedRepository& repository, const std::filesystem::path& folder);

/// Makes `pointer`, in a snapshot, a relative link to `blob`, replacing a link that is there. Where
/// the file system has no links, or HF_HUB_DISABLE_SYMLINKS is set, the file is moved there if
/// `may_move`, else copied. Atomic. Throws WriteFailed or OutOfResources.
void link_snapshot(const std::filesystem::path& blob, const std::filesystem::path& pointer,
                   bool may_move);

/// Writes `commit` to refs/main, unless it is there.
void set_main_commit(const CachedRepository& repository, const std::string& commit);

}  // namespace sapiens::hub

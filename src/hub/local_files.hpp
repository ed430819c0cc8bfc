#pragma once

#include <filesystem>
#include <vector>

#include "sapiens/hub.hpp"

namespace sapiens::hub {

/// A folder in which checkpoints are searched.
struct Store {
  std::filesystem::path folder;
  /// Whether it has the layout of `CachedRepository`; otherwise files lie in it by their names.
  bool is_shared_cache = false;
};

/// Where checkpoints are searched, in this order. Downloads go to the first that can take them.
/// `chosen` is the only one if it is not empty. Throws what `checkpoint_cache` throws.
std::vector<Store> stores(const std::filesystem::path& chosen = {});

/// What of `file` is in `store`, as `find_local` describes.
LocalFile find_in(const Store& store, const PublishedFile& file);

/// Throws InvalidArgument for a file whose repository or path cannot become a part of a local path.
void expect_names(const PublishedFile& file);

}  // namespace sapiens::hub

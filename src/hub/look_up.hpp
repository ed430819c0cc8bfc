#pragma once

#include <filesystem>
#include <string>

#include "hub/connection.hpp"

namespace sapiens::hub {

/// One attempt to ask for size and digest; throws Transient where another may do better. `folder`
/// is where the file would go.
RemoteFile look_up_once(Connection& connection, const PublishedFile& file,
                        const std::filesystem::path& folder);

/// An ETag as If-Range takes it: empty for a weak one, which says nothing about single bytes.
std::string strong_etag(const std::string& header);

}  // namespace sapiens::hub

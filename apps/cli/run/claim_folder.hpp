#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sapiens::cli {

/// The folder of the piece `name`: one name of a file, different for each `name`. Bytes other than
/// letters of ASCII, digits and "._-" become "%2F", so does a leading dot; the end of long names is
/// replaced by a digest.
std::string claim_folder_name(std::string_view name);

/// FOLDER/claim.NUMBER
std::filesystem::path claim_path(const std::filesystem::path& folder, std::int64_t number);

/// The content of the claim `path`, as it is now also if another machine wrote it; nothing if there
/// is none. Empty for what is not a file that can be read, and bounded: a claim is whatever
/// others put there. Throws WriteFailed where that cannot be found out.
std::optional<std::string> read_claim(const std::filesystem::path& path);

/// The numbers of the claims in `folder`, the highest first; none if there is no such folder.
/// Throws as `read_claim`.
std::vector<std::int64_t> claim_numbers(const std::filesystem::path& folder);

struct NewestClaim {
  std::int64_t number = 0;  ///< 0 where there is no claim.
  std::string text = {};

  bool operator==(const NewestClaim&) const = default;
};

/// Throws as `read_claim`.
NewestClaim newest_claim(const std::filesystem::path& folder);

/// The folders of the owners before `number` that left one, the latest first. Throws as
/// `read_claim`.
std::vector<std::filesystem::path> folders_before(const std::filesystem::path& folder,
                                                  std::int64_t number);

/// Creates `path` unless it exists; false if the folder that it would be in does not. Throws
/// WriteFailed or OutOfResources.
bool create_folder_in_existing(const std::filesystem::path& path);

/// Renames `folder`, which is WORK/NAME, so that it can be removed file by file: under its own name
/// it could get the claim of another process meanwhile. `token` is that of its owner. Returns the
/// new name; nothing if it has to stay.
std::optional<std::filesystem::path> set_aside(const std::filesystem::path& folder,
                                               const std::string& token);

/// WORK/.released.NAME: the place of a file that `remove_remains` of any process may remove at any
/// time, so that none is left by a killed one; who wrote it then writes it again.
std::filesystem::path removable_path(const std::filesystem::path& work, const std::string& name);

/// Removes folders that were set aside by processes that were killed then, and removable files.
void remove_remains(const std::filesystem::path& work);

}  // namespace sapiens::cli

#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <set>
#include <string>
#include <string_view>

#include "messages.hpp"

namespace sapiens::cli {

/// What a file should be, for messages.
struct CocoKind {
  std::string_view summary;   ///< "these are no annotations of persons"
  std::string_view expected;  ///< What stands in such a file.
};

/// Hands over the objects of a list of them, or of the lists of a document such as `{"images":
/// [..], "annotations": [..]}`, one after the other; `list` is "" or the name of the list. The file
/// is never in memory as a whole. Returns the lists there were.
///
/// Throws NotFound, and CorruptFile naming the entry for text that is no JSON and for any other
/// exception that `take` throws.
std::set<std::string> for_each_coco_entry(
    const std::filesystem::path& path, const CocoKind& kind,
    const std::function<void(const std::string& list, const Json& entry)>& take);

/// CorruptFile.
[[noreturn]] void throw_not_coco(const std::filesystem::path& path, const CocoKind& kind,
                                 const std::string& why);

/// A whole number; throws for anything else.
std::int64_t whole_number(const Json& value);

/// Of COCO's category 1, or of none.
bool is_person(const Json& entry);

/// The numbers of `keypoints`, three for each point; throws for anything else.
void for_each_point(const Json& keypoints,
                    const std::function<void(double x, double y, double third)>& take);

}  // namespace sapiens::cli

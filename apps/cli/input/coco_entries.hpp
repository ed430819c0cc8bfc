#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "cli/terminal/messages.hpp"

namespace sapiens::cli {

/// What a file should be, for messages.
struct CocoKind {
  std::string_view summary;   ///< "these are no annotations of persons"
  std::string_view expected;  ///< What stands in such a file.
};

/// Sorted keys: an entry with many fields costs no more than their number.
using CocoValue = nlohmann::json;

/// One object of a list of a COCO file. What a field holds is checked when it is asked for; every
/// error is CorruptFile and names the entry and the field.
class CocoEntry {
 public:
  /// Throws where `value` is no object.
  CocoEntry(const std::filesystem::path& file, const CocoKind& kind, const std::string& list,
            std::size_t number, const CocoValue& value);

  /// "" or "images", "annotations", "categories".
  const std::string& list() const { return list_; }
  /// "entry 3 of annotations", counted from 0.
  std::string where() const;
  bool has(const char* field) const { return value_.contains(field); }

  std::string text(const char* field) const;
  double number(const char* field) const;
  /// 2, 2.0 and "2" are one number.
  std::int64_t whole(const char* field) const;
  /// A number or a text; 2, 2.0, "2" and "002" are one id.
  std::string id(const char* field) const;
  /// The four numbers of `bbox`, within a million: more than any image has is a mistake.
  std::array<double, 4> box() const;
  /// `keypoints`, three numbers for each point.
  std::vector<std::array<double, 3>> points() const;
  /// 0 and 1, or false and true; false where there is none.
  bool flag(const char* field) const;

  [[noreturn]] void refuse(std::string_view field, const std::string& why) const;

 private:
  const CocoValue& at(const char* field) const;

  const std::filesystem::path& file_;
  const CocoKind& kind_;
  const std::string& list_;
  std::size_t number_;
  const CocoValue& value_;
};

/// Hands over the entries of a list of them, or of the lists `images`, `annotations` and
/// `categories` of a document, one after the other. The entries are never in memory as a whole.
/// Returns the lists there were; "" is the file itself.
///
/// Throws NotFound, and CorruptFile for text that is no JSON, for a field that stands twice, and
/// for entries that are no objects.
std::set<std::string> for_each_coco_entry(const std::filesystem::path& path, const CocoKind& kind,
                                          const std::function<void(const CocoEntry& entry)>& take);

/// CorruptFile.
[[noreturn]] void throw_not_coco(
    const std::filesystem::path& path, const CocoKind& kind, const std::string& why,
    const std::string& hint = "give another file, or correct this one");

/// How an id is spelled everywhere: "002" is "2".
std::string id_text(std::string text);

inline constexpr const char* kSharesHint =
    "numbers are in pixels: multiply by the image's width and height; a box is [x, y, width, "
    "height]";

}  // namespace sapiens::cli

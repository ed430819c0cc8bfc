#include <fmt/format.h>

#include <cstddef>
#include <map>
#include <span>
#include <string_view>
#include <system_error>
#include <tuple>
#include <utility>

#include "cli/input/coco_entries.hpp"
#include "core/open_file.hpp"

// The entries of a file, one after the other, as its text is read.
namespace sapiens::cli {
namespace {

namespace fs = std::filesystem;

constexpr int kMaxDepth = 64;  // of an entry, or beside the lists; outlines of persons have three

/// Where the parser stopped.
struct Place {
  std::size_t line = 1, column = 0;
  char last = 0, before = 0;  ///< The byte that it did not expect, and the one before.

  static Place find(std::string_view text, std::size_t position) {
    Place place;
    for (const char c : text.substr(0, position)) {
      const bool begins_line = place.last == '\n';
      place.column = begins_line ? 1 : place.column + 1;
      place.line += begins_line;
      place.before = std::exchange(place.last, c);
    }
    return place;
  }

  /// NaN, Infinity and -Infinity, which Python writes for numbers that are none.
  bool is_no_number() const {
    return (last == 'N' || last == 'I') &&
           std::string_view(" \n\t,:[-").find(before) != std::string_view::npos;
  }
  std::string text() const { return fmt::format("line {}, column {}", line, column); }
};

/// Hands over entries while the parser reads, and drops them and everything else from its document.
/// The parser itself keeps one of two fields of the same name and says nothing, so names are
/// compared here.
class EntryReader {
 public:
  using Event = CocoValue::parse_event_t;

  EntryReader(const fs::path& path, const CocoKind& kind,
              const std::function<void(const CocoEntry&)>& take)
      : path_(path), kind_(kind), take_(take) {}

  const std::set<std::string>& lists() const { return lists_; }
  /// "entry 3 of annotations: ", where the text is now.
  std::string where() const {
    if (!in_list_) return "";
    return fmt::format("entry {}{}{}: ", number_, list_.empty() ? "" : " of ", list_);
  }

  /// False for what the parser's document does not need. `depth` counts the containers around.
  bool see(int depth, Event event, CocoValue& value) {
    switch (event) {
      case Event::key:
        return see_key(depth, value.get_ref<const std::string&>());
      case Event::object_start:
      case Event::array_start:
        return see_start(depth, event == Event::array_start);
      case Event::value:
        if (!in_list_) start_list(depth, false);
        break;
      default:
        break;
    }
    if (in_list_ && depth == depth_of_entries_) return finish_entry(value);
    if (in_list_ && depth < depth_of_entries_) in_list_ = false;
    return in_list_;
  }

 private:
  bool see_key(int depth, const std::string& name) {
    const bool in_entry = in_list_ && depth > depth_of_entries_;
    if ((in_entry || depth == 1) && !names_[depth].insert(name).second) {
      throw_not_coco(path_, kind_, fmt::format("{}`{}` stands twice", where(), name.substr(0, 40)));
    }
    if (depth == 1) key_ = name;
    return true;
  }

  bool see_start(int depth, bool is_array) {
    if (depth - (in_list_ ? depth_of_entries_ : 0) == kMaxDepth) {
      throw_not_coco(path_, kind_, fmt::format("{}lists are nested {} deep", where(), kMaxDepth));
    }
    names_[depth + 1].clear();
    return in_list_ || (depth == 0 && !is_array) || start_list(depth, is_array);
  }

  /// True where a list begins: the file itself, or one of the lists in it.
  bool start_list(int depth, bool is_array) {
    const bool is_named = key_ == "images" || key_ == "annotations" || key_ == "categories";
    if (depth > 1 || (depth == 1 && !is_named)) return false;
    list_ = depth == 0 ? "" : key_;
    if (!is_array) {
      throw_not_coco(path_, kind_,
                     list_.empty() ? "neither a list nor an object with lists"
                                   : fmt::format("`{}` is not a list", list_));
    }
    lists_.insert(list_);
    number_ = 0;
    depth_of_entries_ = depth + 1;
    return in_list_ = true;
  }

  bool finish_entry(const CocoValue& entry) {
    take_(CocoEntry(path_, kind_, list_, number_, entry));
    ++number_;
    return false;
  }

  const fs::path& path_;
  const CocoKind& kind_;
  const std::function<void(const CocoEntry&)>& take_;
  std::set<std::string> lists_;
  std::map<int, std::set<std::string>> names_;  // of the objects that the text is in, by depth
  std::string list_, key_;
  bool in_list_ = false;
  int depth_of_entries_ = 0;
  std::size_t number_ = 0;
};

std::string parse_problem(std::string_view text, std::size_t position) {
  const Place place = Place::find(text, position);
  return fmt::format("{} at {}",
                     place.is_no_number() ? "NaN or Infinity, which JSON does not have,"
                                          : "the text is no JSON, or ends too early,",
                     place.text());
}

/// "1e999" of the parser's "... parsing '1e999'".
std::string quoted_number(std::string_view message) {
  constexpr std::size_t kMax = 40;
  const std::size_t first = message.find('\'') + 1;
  const std::string_view number = message.substr(first, message.rfind('\'') - first);
  if (number.size() <= kMax) return std::string(number);
  return fmt::format("{}... of {} characters", number.substr(0, kMax), number.size());
}

std::set<std::string> read_entries(std::string_view text, const fs::path& path,
                                   const CocoKind& kind,
                                   const std::function<void(const CocoEntry& entry)>& take) {
  EntryReader reader(path, kind, take);
  try {
    const auto see = [&](int depth, EntryReader::Event event, CocoValue& value) {
      return reader.see(depth, event, value);
    };
    std::ignore = CocoValue::parse(text.begin(), text.end(), see);
    // The parser takes a NUL for the end of the text.
    if (const std::size_t nul = text.find('\0'); nul != text.npos) {
      throw_not_coco(path, kind, parse_problem(text, nul + 1));
    }
  } catch (const CocoValue::parse_error& error) {
    throw_not_coco(path, kind, reader.where() + parse_problem(text, error.byte));
  } catch (const CocoValue::out_of_range& error) {
    throw_not_coco(
        path, kind,
        fmt::format("{}the number {} is too large", reader.where(), quoted_number(error.what())));
  }
  return reader.lists();
}

}  // namespace

std::set<std::string> for_each_coco_entry(const fs::path& path, const CocoKind& kind,
                                          const std::function<void(const CocoEntry& entry)>& take) {
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) throw_not_coco(path, kind, "a folder");
  const FileMap file(path);
  return file.checked([&](std::span<const std::byte> bytes) {
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return read_entries(text, path, kind, take);
  });
}

}  // namespace sapiens::cli

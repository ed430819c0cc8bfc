#include <fmt/format.h>

#include <cerrno>
#include <fstream>
#include <string_view>
#include <system_error>
#include <utility>

#include "cli/input/coco_entries.hpp"

// The entries of a file, one after the other, as its text is read. Written on the parser's events
// and not on its documents, because those keep one of two fields of the same name and say nothing.
namespace sapiens::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxDepth = 64;  // of an entry; outlines of persons have three
constexpr int kNumberOverflow = 406;   // of nlohmann's out_of_range

std::ifstream open(const fs::path& path) {
  errno = 0;
  std::ifstream file(path);
  if (file) return file;
  throw Error(ErrorCode::NotFound,
              {.summary = "this file cannot be read",
               .file = path.string(),
               .actual = std::error_code(errno, std::generic_category()).message()});
}

/// Where the parser stopped.
struct Place {
  std::size_t line = 1, column = 0;
  char last = 0, before = 0;  ///< The byte that it did not expect, and the one before.

  static Place find(const fs::path& path, std::size_t position) {
    std::ifstream file(path);
    Place place;
    char c = 0;
    for (std::size_t at = 0; at < position && file.get(c); ++at) {
      place.column = c == '\n' ? 0 : place.column + 1;
      place.line += c == '\n';
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

bool is_list_name(std::string_view key) {
  return key == "images" || key == "annotations" || key == "categories";
}

class Parser : public nlohmann::json_sax<CocoValue> {
 public:
  Parser(const fs::path& path, const CocoKind& kind,
         const std::function<void(const CocoEntry&)>& take)
      : path_(path), kind_(kind), take_(take) {}

  const std::set<std::string>& lists() const { return lists_; }

  bool null() override { return value(nullptr); }
  bool boolean(bool given) override { return value(given); }
  bool number_integer(number_integer_t given) override { return value(given); }
  bool number_unsigned(number_unsigned_t given) override { return value(given); }
  bool number_float(number_float_t given, const string_t&) override { return value(given); }
  bool string(string_t& given) override { return value(std::move(given)); }
  bool binary(binary_t&) override { return true; }  // JSON has none

  bool start_object(std::size_t) override { return start(CocoValue::object()); }
  bool start_array(std::size_t) override { return start(CocoValue::array()); }
  bool end_object() override { return end(); }
  bool end_array() override { return end(); }
  bool key(string_t& name) override;
  bool parse_error(std::size_t position, const std::string& token,
                   const nlohmann::detail::exception& error) override;

 private:
  bool at_entry() const { return in_list_ && depth_ == depth_of_entries_; }
  bool value(CocoValue given);
  bool start(CocoValue empty);
  bool end();
  void start_list(const std::string& name, const CocoValue& given);
  CocoValue* insert(CocoValue given);
  void finish_entry();
  std::string where() const;

  const fs::path& path_;
  const CocoKind& kind_;
  const std::function<void(const CocoEntry&)>& take_;
  std::set<std::string> lists_, keys_;
  std::string list_, key_, field_;
  bool in_list_ = false;
  std::size_t depth_ = 0, depth_of_entries_ = 0, number_ = 0;
  CocoValue entry_;
  std::vector<CocoValue*> open_;  // from the entry to where the text is now
};

std::string Parser::where() const {
  if (!in_list_) return "";
  return fmt::format("entry {}{}{}: ", number_, list_.empty() ? "" : " of ", list_);
}

void Parser::finish_entry() {
  take_(CocoEntry(path_, kind_, list_, number_, entry_));
  ++number_;
  entry_ = nullptr;
}

CocoValue* Parser::insert(CocoValue given) {
  if (open_.empty()) {
    entry_ = std::move(given);
    return &entry_;
  }
  CocoValue& parent = *open_.back();
  if (parent.is_object()) return &(parent[field_] = std::move(given));
  parent.push_back(std::move(given));
  return &parent.back();
}

void Parser::start_list(const std::string& name, const CocoValue& given) {
  if (!given.is_array()) {
    throw_not_coco(path_, kind_,
                   name.empty() ? "neither a list nor an object with lists"
                                : fmt::format("`{}` is not a list", name));
  }
  lists_.insert(name);
  list_ = name;
  in_list_ = true;
  number_ = 0;
  depth_of_entries_ = depth_ + 1;
}

bool Parser::value(CocoValue given) {
  if (!open_.empty()) {
    insert(std::move(given));
  } else if (at_entry()) {
    insert(std::move(given));
    finish_entry();
  } else if (depth_ == 0) {
    start_list("", given);
  } else if (depth_ == 1 && is_list_name(key_)) {
    start_list(key_, given);
  }
  return true;
}

bool Parser::start(CocoValue empty) {
  if (!open_.empty() || at_entry()) {
    if (open_.size() == kMaxDepth) {
      throw_not_coco(path_, kind_, fmt::format("{}lists are nested {} deep", where(), kMaxDepth));
    }
    open_.push_back(insert(std::move(empty)));
  } else if (depth_ == 0 && empty.is_array()) {
    start_list("", empty);
  } else if (depth_ == 1 && is_list_name(key_)) {
    start_list(key_, empty);
  }
  ++depth_;
  return true;
}

bool Parser::end() {
  --depth_;
  if (!open_.empty()) {
    open_.pop_back();
    if (open_.empty()) finish_entry();
  } else if (in_list_ && depth_ + 1 == depth_of_entries_) {
    in_list_ = false;
  }
  return true;
}

bool Parser::key(string_t& name) {
  const bool in_entry = !open_.empty();
  const bool twice =
      in_entry ? open_.back()->contains(name) : depth_ == 1 && !keys_.insert(name).second;
  if (twice)
    throw_not_coco(path_, kind_, fmt::format("{}`{}` stands twice", where(), name.substr(0, 40)));
  if (in_entry) {
    field_ = std::move(name);
  } else if (depth_ == 1) {
    key_ = std::move(name);
  }
  return true;
}

bool Parser::parse_error(std::size_t position, const std::string& token,
                         const nlohmann::detail::exception& error) {
  if (error.id == kNumberOverflow) {
    throw_not_coco(path_, kind_, fmt::format("{}the number {} is too large", where(), token));
  }
  const Place place = Place::find(path_, position);
  throw_not_coco(path_, kind_,
                 fmt::format("{}{} at {}", where(),
                             place.is_no_number() ? "NaN or Infinity, which JSON does not have,"
                                                  : "the text is no JSON, or ends too early,",
                             place.text()));
}

}  // namespace

std::set<std::string> for_each_coco_entry(const fs::path& path, const CocoKind& kind,
                                          const std::function<void(const CocoEntry& entry)>& take) {
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) throw_not_coco(path, kind, "a folder");
  std::ifstream file = open(path);
  Parser parser(path, kind, take);
  try {
    CocoValue::sax_parse(file, &parser);
  } catch (const std::ios_base::failure&) {
    throw_not_coco(path, kind, "it cannot be read to its end");
  }
  return parser.lists();
}

}  // namespace sapiens::cli

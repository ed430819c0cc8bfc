#include "cli/input/coco_entries.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "core/parse_number.hpp"

namespace sapiens::cli {
namespace {

constexpr std::size_t kMaxId = 200;                  // characters
constexpr double kMaxPixel = 1e6;                    // more than any image has
constexpr double kMaxExact = 9'007'199'254'740'992;  // 2^53: every smaller whole double is exact

std::string json_text(const CocoValue& value) {
  const std::string text = value.dump(-1, ' ', false, CocoValue::error_handler_t::replace);
  return text.size() <= 40 ? text : text.substr(0, 40) + "..";
}

bool is_whole_double(const CocoValue& value) {
  if (!value.is_number_float()) return false;
  const double number = value.get<double>();
  return std::abs(number) <= kMaxExact && number == std::floor(number);
}

bool is_all_digits(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return '0' <= c && c <= '9'; });
}

/// "2" for 2 and 2.0; nothing for what is no whole number.
std::optional<std::string> whole_text(const CocoValue& value) {
  if (value.is_number_unsigned()) return std::to_string(value.get<std::uint64_t>());
  if (value.is_number_integer()) return std::to_string(value.get<std::int64_t>());
  if (is_whole_double(value)) {
    return std::to_string(static_cast<std::int64_t>(value.get<double>()));
  }
  return std::nullopt;
}

}  // namespace

std::string id_text(std::string text) {
  if (!is_all_digits(text)) return text;
  text.erase(0, std::min(text.find_first_not_of('0'), text.size() - 1));
  return text;
}

void throw_not_coco(const std::filesystem::path& path, const CocoKind& kind, const std::string& why,
                    const std::string& hint) {
  throw Error(ErrorCode::CorruptFile, {.summary = std::string(kind.summary),
                                       .file = path.string(),
                                       .expected = std::string(kind.expected),
                                       .actual = why,
                                       .hint = hint});
}

CocoEntry::CocoEntry(const std::filesystem::path& file, const CocoKind& kind,
                     const std::string& list, std::size_t number, const CocoValue& value)
    : file_(file), kind_(kind), list_(list), number_(number), value_(value) {
  if (!value.is_object()) refuse("", fmt::format("is {}, not an object", json_text(value)));
}

std::string CocoEntry::where() const {
  return fmt::format("entry {}{}{}", number_, list_.empty() ? "" : " of ", list_);
}

void CocoEntry::refuse(std::string_view field, const std::string& why) const {
  throw Error(ErrorCode::CorruptFile,
              {.summary = std::string(kind_.summary),
               .file = file_.string(),
               .key = fmt::format("{}[{}]{}{}", list_, number_, field.empty() ? "" : ".", field),
               .expected = std::string(kind_.expected),
               .actual = field.empty() ? fmt::format("{} {}", where(), why)
                                       : fmt::format("{}: `{}` {}", where(), field, why),
               .hint = "correct this entry, or the program that wrote it"});
}

const CocoValue& CocoEntry::at(const char* field) const {
  const auto found = value_.find(field);
  if (found == value_.end()) refuse(field, "is missing");
  return *found;
}

std::string CocoEntry::text(const char* field) const {
  const CocoValue& value = at(field);
  if (!value.is_string()) refuse(field, fmt::format("is {}, not a text", json_text(value)));
  auto text = value.get<std::string>();
  if (text.empty()) refuse(field, "is empty");
  return text;
}

double CocoEntry::number(const char* field) const {
  const CocoValue& value = at(field);
  if (!value.is_number()) refuse(field, fmt::format("is {}, not a number", json_text(value)));
  return value.get<double>();
}

std::int64_t CocoEntry::whole(const char* field) const {
  const CocoValue& value = at(field);
  const auto text = value.is_string() ? value.get<std::string>() : whole_text(value).value_or("");
  const auto number = parse_number<std::int64_t>(text);
  if (!number) refuse(field, fmt::format("is {}, not a whole number", json_text(value)));
  return *number;
}

std::string CocoEntry::id(const char* field) const {
  const CocoValue& value = at(field);
  if (value.is_string()) {
    std::string given = text(field);
    if (given.size() > kMaxId)
      refuse(field, fmt::format("is {}, too long for an id", json_text(value)));
    return id_text(std::move(given));
  }
  const std::optional<std::string> id = whole_text(value);
  if (!id) refuse(field, fmt::format("is {}, neither a whole number nor a text", json_text(value)));
  return *id;
}

std::array<double, 4> CocoEntry::box() const {
  const CocoValue& value = at("bbox");
  const bool is_box = value.is_array() && value.size() == 4 &&
                      std::ranges::all_of(value, [](const CocoValue& n) { return n.is_number(); });
  if (!is_box) {
    refuse("bbox", fmt::format("is {}, not four numbers: x, y, width, height", json_text(value)));
  }
  const auto box = value.get<std::array<double, 4>>();
  if (std::ranges::all_of(box, [](double n) { return std::abs(n) <= kMaxPixel; })) return box;
  refuse("bbox", fmt::format("is {}: no image is so large", json_text(value)));
}

std::vector<std::array<double, 3>> CocoEntry::points() const {
  const CocoValue& value = at("keypoints");
  if (!value.is_array() || value.empty() || value.size() % 3 != 0) {
    refuse("keypoints", fmt::format("is {}, not three numbers for each point", json_text(value)));
  }
  std::vector<std::array<double, 3>> points(value.size() / 3);
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (!value[i].is_number()) {
      refuse("keypoints", fmt::format("has {} as its number {}", json_text(value[i]), i));
    }
    points[i / 3][i % 3] = value[i].get<double>();
  }
  return points;
}

bool CocoEntry::flag(const char* field) const {
  if (!has(field)) return false;
  const CocoValue& value = at(field);
  if (value.is_boolean()) return value.get<bool>();
  const std::optional<std::string> text = whole_text(value);
  if (text != "0" && text != "1") refuse(field, fmt::format("is {}, not 0 or 1", json_text(value)));
  return text == "1";
}

}  // namespace sapiens::cli

#include "person_boxes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <exception>
#include <fstream>
#include <system_error>

namespace sapiens::cli {
namespace {

namespace fs = std::filesystem;

constexpr int kPerson = 1;  // COCO's category

std::optional<Box> checked_box(const std::array<double, 4>& numbers, double score) {
  // More than any picture: what lies farther out is a mistake.
  const auto sensible = [](double number) { return std::abs(number) <= 1e6; };  // false for NaN
  if (!std::all_of(numbers.begin(), numbers.end(), sensible) || !std::isfinite(score)) return {};
  if (numbers[2] <= 0 || numbers[3] <= 0) return {};
  const auto at = [&](std::size_t i) { return static_cast<float>(numbers[i]); };
  return Box{at(0), at(1), at(2), at(3), static_cast<float>(score)};
}

/// "000000000139" and 139 are one id.
std::string id_text(const Json& id) {
  return id.is_number_integer() ? std::to_string(id.get<std::int64_t>()) : id.get<std::string>();
}

std::string without_leading_zeros(std::string name) {
  name.erase(0, std::min(name.find_first_not_of('0'), name.size() - 1));
  return name;
}

/// "image_id" -> "file_name"
std::map<std::string, std::string> names_by_id(const Json& images) {
  std::map<std::string, std::string> names;
  for (const Json& image : images) {
    names[id_text(image.at("id"))] = image.at("file_name").get<std::string>();
  }
  return names;
}

std::string picture_of(const Json& entry, const std::map<std::string, std::string>& names) {
  if (entry.contains("file_name")) return entry.at("file_name").get<std::string>();
  const std::string id = id_text(entry.at("image_id"));
  const auto name = names.find(id);
  return name == names.end() ? id : name->second;
}

Error unreadable(const fs::path& path, const std::string& why) {
  return Error(ErrorCode::CorruptFile,
               {.summary = "these are no boxes of persons",
                .file = path.string(),
                .expected = R"(a list of {"file_name" or "image_id", "bbox": [x, y, w, h]}, or )"
                            R"({"images", "annotations"} as in COCO)",
                .actual = why});
}

Json parse_file(const fs::path& path) {
  errno = 0;
  std::ifstream file(path);
  if (!file) {
    throw Error(ErrorCode::NotFound,
                {.summary = "the boxes cannot be read",
                 .file = path.string(),
                 .actual = std::error_code(errno, std::generic_category()).message()});
  }
  return Json::parse(file);
}

std::map<std::string, std::vector<Box>> boxes_by_picture(const Json& document) {
  const bool is_list = document.is_array();
  const auto names = is_list ? std::map<std::string, std::string>{}
                             : names_by_id(document.value("images", Json::array()));
  std::map<std::string, std::vector<Box>> boxes;
  std::size_t number = 0;
  for (const Json& entry : is_list ? document : document.at("annotations")) {
    const auto box =
        checked_box(entry.at("bbox").get<std::array<double, 4>>(), entry.value("score", 1.0));
    if (!box) throw std::runtime_error(fmt::format("entry {} has an impossible box", number));
    std::vector<Box>& of_picture = boxes[picture_of(entry, names)];
    if (entry.value("category_id", kPerson) == kPerson) of_picture.push_back(*box);
    ++number;
  }
  return boxes;
}

}  // namespace

std::optional<Box> parse_box(std::string_view text) {
  std::array<double, 4> numbers{};
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const bool last = i + 1 == numbers.size();
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), numbers[i]);
    if (error != std::errc()) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (last ? !text.empty() : !text.starts_with(',')) return std::nullopt;
    if (!last) text.remove_prefix(1);
  }
  return checked_box(numbers, 1);
}

PersonBoxes PersonBoxes::read(const fs::path& path) {
  PersonBoxes persons;
  try {
    persons.boxes_ = boxes_by_picture(parse_file(path));
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    throw unreadable(path, error.what());
  }
  return persons;
}

std::vector<Box> PersonBoxes::of(const InputFile& input) const {
  for (const std::string& name :
       {input.name.generic_string(), input.path.filename().string(), input.path.stem().string(),
        without_leading_zeros(input.path.stem().string())}) {
    const auto found = boxes_.find(name);
    if (found != boxes_.end()) return found->second;
  }
  return {};
}

}  // namespace sapiens::cli

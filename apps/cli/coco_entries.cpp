#include "coco_entries.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <exception>
#include <fstream>
#include <map>
#include <new>
#include <stdexcept>
#include <system_error>

namespace sapiens::cli {
namespace {

namespace fs = std::filesystem;
using Event = Json::parse_event_t;

std::ifstream open(const fs::path& path) {
  errno = 0;
  std::ifstream file(path);
  if (file) return file;
  throw Error(ErrorCode::NotFound,
              {.summary = "this file cannot be read",
               .file = path.string(),
               .actual = std::error_code(errno, std::generic_category()).message()});
}

std::string json_text(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace).substr(0, 40);
}

}  // namespace

std::set<std::string> for_each_coco_entry(
    const fs::path& path, const CocoKind& kind,
    const std::function<void(const std::string& list, const Json& entry)>& take) {
  std::ifstream file = open(path);
  std::set<std::string> lists;
  std::map<std::string, std::size_t> numbers;
  std::string list;
  const auto take_entry = [&](const Json& entry) {
    const std::size_t number = numbers[list]++;
    try {
      take(list, entry);
    } catch (const std::bad_alloc&) {
      throw;
    } catch (const std::exception& error) {
      throw std::runtime_error(
          fmt::format("entry {}{}: {}", number, list.empty() ? "" : " of " + list, error.what()));
    }
  };
  // What the callback refuses to keep is dropped before the next entry is read.
  const auto on_event = [&](int depth, Event event, Json& parsed) {
    if (event == Event::key && depth == 1) list = parsed.get<std::string>();
    if (event == Event::array_start && (depth == 0 || (depth == 1 && !lists.contains("")))) {
      lists.insert(list);
    }
    const int depth_of_entries = lists.contains("") ? 1 : 2;
    if (event != Event::object_end || depth != depth_of_entries) return true;
    take_entry(parsed);
    return false;
  };
  try {
    [[maybe_unused]] const Json without_entries = Json::parse(file, on_event);
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& error) {
    throw_not_coco(path, kind, error.what());
  }
  return lists;
}

void throw_not_coco(const fs::path& path, const CocoKind& kind, const std::string& why) {
  throw Error(ErrorCode::CorruptFile, {.summary = std::string(kind.summary),
                                       .file = path.string(),
                                       .expected = std::string(kind.expected),
                                       .actual = why});
}

std::int64_t whole_number(const Json& value) {
  if (!value.is_number_integer())
    throw std::runtime_error(fmt::format("{} is not a whole number", json_text(value)));
  return value.get<std::int64_t>();
}

bool is_person(const Json& entry) {
  return !entry.contains("category_id") || whole_number(entry.at("category_id")) == 1;
}

void for_each_point(const Json& keypoints,
                    const std::function<void(double x, double y, double third)>& take) {
  if (!keypoints.is_array() || keypoints.empty() || keypoints.size() % 3 != 0) {
    throw std::runtime_error("its keypoints are not three numbers for each point");
  }
  for (std::size_t i = 0; i < keypoints.size(); i += 3) {
    take(keypoints[i].get<double>(), keypoints[i + 1].get<double>(),
         keypoints[i + 2].get<double>());
  }
}

}  // namespace sapiens::cli

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "cli/input/json_file.hpp"
#include "cli/run/frames.hpp"
#include "core/parse_number.hpp"

namespace sapiens::cli {
namespace {

/// "000000000139" is image 139, as in COCO's own names.
std::optional<std::int64_t> number_of(const Job& job) {
  const std::string name = job.name.filename().string();
  const auto number = parse_number<std::int64_t>(name);
  return number >= 0 ? number : std::nullopt;
}

/// The numbers that the names are, or where one is none, 1, 2, 3 ...
std::vector<std::int64_t> ids_of(std::span<const Job* const> jobs) {
  std::vector<std::int64_t> ids;
  for (const Job* job : jobs) ids.push_back(number_of(*job).value_or(-1));
  const std::set<std::int64_t> distinct(ids.begin(), ids.end());
  if (distinct.size() == ids.size() && !distinct.contains(-1)) return ids;
  for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<std::int64_t>(i) + 1;
  return ids;
}

/// Calls `take` with the document of `job`, if there is one. It lies in a user's folder, where it
/// may have been changed since.
template <typename Take>
bool with_document(const Job& job, Take take) {
  const std::optional<std::string> text = read_if_there(job.files.front().path);
  if (!text) return false;
  try {
    take(Json::parse(*text));
  } catch (const Json::exception&) {
    throw Error(ErrorCode::CorruptFile, {.summary = "the keypoints of an image cannot be read",
                                         .file = job.files.front().path.string(),
                                         .expected = "the JSON that `sapiens pose` wrote",
                                         .actual = "something else",
                                         .hint = "remove the file and run again with --resume"});
  }
  return true;
}

double score_of(const Json& person) {
  return person_score(person.at("bbox_score").get<double>(),
                      person.at("keypoint_scores").get<std::vector<double>>());
}

Json annotation_json(const Json& person, std::int64_t id, std::int64_t image) {
  const Json& box = person.at("bbox");
  const double x = box.at(0), y = box.at(1);
  const double width = box.at(2).get<double>() - x, height = box.at(3).get<double>() - y;
  Json points = Json::array();
  int present = 0;
  const Json& scores = person.at("keypoint_scores");
  for (std::size_t k = 0; k < scores.size(); ++k) {
    // 0 marks what the model does not have, 2 what it has placed.
    const bool placed = scores[k].get<double>() != 0;
    present += placed;
    const Json& point = person.at("keypoints").at(k);
    points.insert(points.end(), {point.at(0), point.at(1), placed ? 2 : 0});
  }
  return {{"id", id},
          {"image_id", image},
          {"category_id", 1},
          {"iscrowd", 0},
          {"area", width * height},
          {"bbox", {x, y, width, height}},
          {"num_keypoints", present},
          {"keypoints", std::move(points)},
          {"keypoint_scores", scores},
          {"score", score_of(person)}};
}

/// Links count from 1 in COCO.
Json category_json(const Json& meta) {
  Json names = Json::array(), links = Json::array();
  for (const auto& [id, name] : meta.at("keypoint_id2name").items()) names.push_back(name);
  for (const Json& link : meta.value("skeleton_links", Json::array())) {
    links.push_back({link.at(0).get<int>() + 1, link.at(1).get<int>() + 1});
  }
  return {{"id", 1},
          {"name", "person"},
          {"supercategory", "person"},
          {"keypoints", std::move(names)},
          {"skeleton", std::move(links)}};
}

}  // namespace

Index write_coco(const std::filesystem::path& path, std::span<const Job* const> jobs,
                 const Json& meta) {
  const std::vector<std::int64_t> ids = ids_of(jobs);
  Index documents = 0;
  write_json_parts(path, "the COCO file cannot be written", [&](const Append& append) {
    // One image at a time: a data set of a hundred thousand takes no more memory than its names.
    append("{\"annotations\": [");
    Json images = Json::array();
    std::int64_t annotations = 0;
    for (std::size_t i = 0; i < jobs.size(); ++i) {
      documents += with_document(*jobs[i], [&](const Json& document) {
        const Json& image = document.at("image");
        images.push_back({{"id", ids[i]},
                          {"file_name", jobs[i]->input.name.generic_string()},
                          {"width", image.at("width")},
                          {"height", image.at("height")}});
        for (const Json& person : document.at("instance_info")) {
          ++annotations;
          append((annotations > 1 ? ",\n" : "\n") +
                 json_line(annotation_json(person, annotations, ids[i])));
        }
      });
    }
    append("],\n\"images\": " + json_line(images));
    append(",\n\"categories\": " + json_line(Json::array({category_json(meta)})));
    append(",\n\"info\": " + json_line({{"made_by", "sapiens"}, {"sapiens", meta.at("sapiens")}}));
    append("}\n");
  });
  return documents;
}

}  // namespace sapiens::cli

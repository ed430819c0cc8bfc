#pragma once

#include <cstdint>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "sapiens/eval.hpp"

namespace sapiens {

/// The persons of one case of tests/data/coco_eval, by image.
struct CocoCase {
  std::map<std::int64_t, std::vector<GroundTruthPerson>> labelled = {};
  std::map<std::int64_t, std::vector<PredictedPerson>> found = {};
};

inline nlohmann::json read_coco_json(const std::string& name) {
  return nlohmann::json::parse(
      std::ifstream(std::string(SAPIENS_TEST_DATA) + "/coco_eval/" + name));
}

inline CocoCase read_coco_case(const std::string& name) {
  CocoCase read;
  const auto truth = read_coco_json(name + ".annotations.json");
  for (const auto& image : truth["images"]) read.labelled[image["id"]];
  for (const auto& person : truth["annotations"]) {
    const auto& box = person["bbox"];
    GroundTruthPerson labelled{.x = box[0],
                               .y = box[1],
                               .width = box[2],
                               .height = box[3],
                               .area = person["area"],
                               .crowd = person["iscrowd"] == 1,
                               .num_keypoints = person["num_keypoints"]};
    const auto& points = person["keypoints"];
    for (std::size_t i = 0; i < points.size(); i += 3) {
      labelled.keypoints.push_back({points[i], points[i + 1], points[i + 2]});
    }
    read.labelled[person["image_id"]].push_back(labelled);
  }
  for (const auto& person : read_coco_json(name + ".results.json")) {
    PredictedPerson found{.score = person["score"]};
    const auto& points = person["keypoints"];
    for (std::size_t i = 0; i < points.size(); i += 3) {
      found.keypoints.push_back({points[i], points[i + 1]});
    }
    read.found[person["image_id"]].push_back(found);
  }
  return read;
}

}  // namespace sapiens

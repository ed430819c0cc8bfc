#include "documents/results_json.hpp"

#include <string>
#include <utility>

namespace sapiens::documents {
namespace {

Json color_json(Rgb color) { return {color.red, color.green, color.blue}; }

Json names_json(Json json, Index count, const KeypointSet* set) {
  json["keypoint_id2name"] = Json::object();
  json["keypoint_name2id"] = Json::object();
  for (Index id = 0; id < count; ++id) {
    const std::string number = std::to_string(id);
    const std::string name =
        set ? std::string(set->keypoints[static_cast<std::size_t>(id)].name) : number;
    json["keypoint_id2name"][number] = name;
    json["keypoint_name2id"][name] = id;
  }
  return json;
}

/// Adds the list unless a number is unknown, as in custom files, so that 0 is not mistaken for a
/// value.
void add_numbers(Json& json, const char* list, const KeypointSet& set, float KeypointInfo::*field) {
  Json numbers = Json::array();
  for (const KeypointInfo& point : set.keypoints) {
    if (!(point.*field > 0)) return;
    numbers.push_back(point.*field);
  }
  json[list] = std::move(numbers);
}

void add_points(Json& json, const KeypointSet& set) {
  for (const char* list :
       {"upper_body_ids", "lower_body_ids", "flip_indices", "flip_pairs", "keypoint_colors"}) {
    json[list] = Json::array();
  }
  int id = 0;
  for (const KeypointInfo& point : set.keypoints) {
    if (point.part == BodyPart::Upper) json["upper_body_ids"].push_back(id);
    if (point.part == BodyPart::Lower) json["lower_body_ids"].push_back(id);
    json["flip_indices"].push_back(point.mirror);
    if (id < point.mirror) json["flip_pairs"].push_back({id, point.mirror});
    json["keypoint_colors"].push_back(color_json(point.color));
    ++id;
  }
  add_numbers(json, "dataset_keypoint_weights", set, &KeypointInfo::weight);
  add_numbers(json, "sigmas", set, &KeypointInfo::sigma);
}

void add_links(Json& json, const KeypointSet& set) {
  json["num_skeleton_links"] = set.skeleton.size();
  json["skeleton_links"] = Json::array();
  json["skeleton_link_colors"] = Json::array();
  for (const SkeletonLink& link : set.skeleton) {
    json["skeleton_links"].push_back({link.from, link.to});
    json["skeleton_link_colors"].push_back(color_json(link.color));
  }
}

Json person_json(const Pose& pose) {
  Json points = Json::array(), scores = Json::array();
  for (const Keypoint& point : pose.keypoints) {
    points.push_back({point.x, point.y});
    scores.push_back(point.score);
  }
  const Box& box = pose.box;
  return {{"keypoints", std::move(points)},
          {"keypoint_scores", std::move(scores)},
          {"bbox", {box.x, box.y, box.x + box.width, box.y + box.height}},
          {"bbox_score", box.score}};
}

}  // namespace

Json keypoints_json(Index count, const KeypointSet* set) {
  Json json = names_json(
      {{"dataset_name", set ? Json(set->dataset) : Json(nullptr)}, {"num_keypoints", count}}, count,
      set);
  if (!set) return json;
  add_points(json, *set);
  add_links(json, *set);
  return json;
}

Json persons_json(std::span<const Pose> poses, std::span<const Index> ids) {
  Json persons = Json::array();
  for (const Pose& pose : poses) {
    persons.push_back(person_json(pose));
    if (!ids.empty()) persons.back()["track_id"] = ids[persons.size() - 1];
  }
  return persons;
}

Json classes_json(Index count, const SegClassSet* set) {
  Json classes = Json::array();
  for (Index id = 0; id < count; ++id) {
    Json one = {{"id", id}};
    if (set) {
      const SegClass& known = set->classes[static_cast<std::size_t>(id)];
      one["name"] = known.name;
      one["color"] = color_json(known.color);
    } else {
      one["name"] = std::to_string(id);
    }
    classes.push_back(std::move(one));
  }
  return classes;
}

}  // namespace sapiens::documents

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <sapiens/error.hpp>
#include <sapiens/npy.hpp>
#include <sapiens/result_files.hpp>

#include "output_file.hpp"
#include "request.hpp"

namespace mannequin {
namespace {

using Json = nlohmann::ordered_json;

/// Rounds to hundredths, which suffices for pixels.
double rounded(float pixels) { return std::round(static_cast<double>(pixels) * 100) / 100; }

Json category() {
  const sapiens::KeypointSet& set = *sapiens::find_keypoint_set(kKeypoints);
  Json names = Json::array(), skeleton = Json::array();
  for (const sapiens::KeypointInfo& point : set.keypoints) names.push_back(std::string(point.name));
  for (const sapiens::SkeletonLink& link : set.skeleton) {
    skeleton.push_back({link.from + 1, link.to + 1});  // COCO counts from one
  }
  return {{"supercategory", "person"},
          {"id", 1},
          {"name", "person"},
          {"keypoints", names},
          {"skeleton", skeleton}};
}

Json image_entry(std::int64_t index, const std::string& name, const Sample& sample) {
  const Camera& camera = sample.camera;
  return {{"id", index},
          {"file_name", name},
          {"width", sample.image.width},
          {"height", sample.image.height},
          {"camera", {{"focal", camera.focal}, {"cx", camera.cx}, {"cy", camera.cy}}}};
}

Json annotation(std::int64_t index, const Sample& sample) {
  Json points = Json::array();
  int count = 0;
  for (const Keypoint& point : sample.keypoints) {
    points.push_back(rounded(point.x));
    points.push_back(rounded(point.y));
    points.push_back(point.visible);
    count += point.visible > 0;
  }
  const sapiens::Box& box = sample.box;
  return {{"id", index},
          {"image_id", index},
          {"category_id", 1},
          {"iscrowd", 0},
          {"bbox", {box.x, box.y, box.width, box.height}},
          {"area", sample.area},
          {"num_keypoints", count},
          {"keypoints", points}};
}

void write_one(const std::filesystem::path& folder, const std::string& stem, const Sample& sample) {
  const std::int64_t w = sample.image.width, h = sample.image.height;
  sample.image.write_png(folder / (stem + ".png"));
  sapiens::write_class_png(folder / (stem + "_seg.png"),
                           {.width = w, .height = h, .classes = 28, .ids = sample.labels},
                           sapiens::find_seg_classes(28));
  sapiens::write_npy(folder / (stem + "_depth.npy"), std::array{h, w}, sample.depth);
  sapiens::write_npy(folder / (stem + "_normal.npy"), std::array{h, w, std::int64_t{3}},
                     sample.normals);
}

}  // namespace

void write_files(const Request& request, const Progress& progress) {
  Json images = Json::array(), annotations = Json::array();
  for_each_sample(request, progress, [&](std::int64_t index, const Sample& sample) {
    const std::string stem = fmt::format("{:06}", index);
    write_one(request.output, stem, sample);
    images.push_back(image_entry(index, stem + ".png", sample));
    annotations.push_back(annotation(index, sample));
  });
  const Json document = {{"info",
                          {{"description", "synthetic people, made by mannequin"},
                           {"seed", request.seed},
                           {"first", request.first},
                           {"count", request.count},
                           {"view", request.view == View::Front ? "front" : "any"}}},
                         {"images", images},
                         {"annotations", annotations},
                         {"categories", {category()}}};
  // Written last, because a folder with annotations counts as complete.
  OutputFile file(request.output / "annotations.json");
  file.write(document.dump(1) + "\n");
  file.commit();
}

}  // namespace mannequin

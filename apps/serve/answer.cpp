#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <sapiens/draw.hpp>
#include <sapiens/npy.hpp>
#include <span>
#include <utility>
#include <variant>

#include "documents/results_json.hpp"
#include "serve/media_types.hpp"
#include "serve/service.hpp"

namespace sapiens::serve {
namespace {

using documents::Json;

std::string text_of(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

DType dtype_of(const Fields& fields) {
  return fields.text("dtype") == "f16" ? DType::F16 : DType::F32;
}

/// As the program does: NaN, infinity, and what would become infinity as f16, is an error.
void expect_numbers(const FloatArray& array, DType dtype) {
  if (is_storable(array.values, dtype)) return;
  const bool half = dtype == DType::F16;
  throw HttpError(
      422, "out-of-range",
      {.summary = "the features hold numbers that cannot be sent",
       .key = half ? "dtype" : "",
       .expected = half ? "numbers below 65520, as f16 can hold them" : "finite numbers",
       .hint = half ? "leave out dtype=f16" : "look for NaN or infinity in the weights"});
}

// The overloads below are for features, poses, and the results of other tasks.

/// Several files one behind the other, which numpy.load reads in turn.
std::vector<std::byte> npy_of(const Answered& a, const ImageFeatures& features) {
  const DType dtype = dtype_of(a.fields);
  std::vector<std::byte> files;
  for (const LayerFeatures& one : features) {
    expect_numbers(one.values, dtype);
    std::vector<std::byte> file = encode_npy(one.values.shape, one.values.values, dtype);
    if (features.size() == 1) return file;
    files.insert(files.end(), file.begin(), file.end());
  }
  return files;
}

std::vector<std::byte> npy_of(const Answered&, const std::vector<Pose>&) {
  return {};
}  // not offered

std::vector<std::byte> npy_of(const Answered& a, const Result& result) {
  if (const FloatArray* const map = map_of(result)) return encode_npy(map->shape, map->values);
  const auto& found = std::get<Segmentation>(result);
  const Index shape[] = {found.height, found.width};
  return a.fields.text("array") == "mask" ? encode_npy_mask(shape, found.ids)
                                          : encode_npy_ids(shape, found.ids);
}

/// The first map.
Image draw(const Answered& a, const ImageFeatures& features, const StopCheck& check) {
  for (const auto& [layer, out_type, values] : features) {
    if (out_type == OutType::Featmap) return draw_features(a.image, values.view<3>(), check);
    if (out_type == OutType::Raw) {
      constexpr Index kPatch = 16;
      const Grid size = a.entry.model->input_size();
      const Grid grid = {size.height / kPatch, size.width / kPatch};
      return draw_features(a.image, featmap_of_tokens(values.view<2>(), grid).view<3>(), check);
    }
  }
  throw HttpError(406, "not-acceptable",
                  {.summary = "features without a map cannot be drawn",
                   .key = "out_type",
                   .expected = "featmap or raw for image/png",
                   .actual = a.fields.text("out_type")});
}

Image draw(const Answered& a, const std::vector<Pose>& poses, const StopCheck& check) {
  return draw_pose(a.image, poses, a.entry.model->head()->keypoint_set(), {}, check);
}

Image draw(const Answered& a, const Result& result, const StopCheck& check) {
  if (map_of(result)) return draw_map(a.image, result, {}, {}, check);
  return draw_segmentation(a.image, std::get<Segmentation>(result),
                           a.entry.model->head()->seg_classes(), {}, check);
}

Json classes_json(const Segmentation& found, const SegClassSet* set) {
  std::array<Index, 256> pixels{};
  for (const std::uint8_t id : found.ids) ++pixels[id];
  Json classes = documents::classes_json(found.classes, set);
  for (std::size_t id = 0; id < classes.size(); ++id) classes[id]["pixels"] = pixels[id];
  return classes;
}

Json range_json(std::span<const float> values) {
  float least = std::numeric_limits<float>::infinity(), most = -least;
  double sum = 0;
  for (const float value : values) {
    least = std::min(least, value);
    most = std::max(most, value);
    sum += static_cast<double>(value);
  }
  return {{"min", least}, {"max", most}, {"mean", sum / static_cast<double>(values.size())}};
}

Json array_json(const FloatArray& array) {
  return {{"shape", array.shape}, {"values", range_json(array.values)}};
}

Json features_json(const LayerFeatures& features) {
  const FloatArray& array = features.values;
  Json json = array_json(array);
  expect_numbers(array, DType::F32);
  json["out_type"] = out_type_name(features.out_type);
  if (array.shape.size() == 1) json["vector"] = array.values;
  return json;
}

/// One form is described by the answer itself, several by a list in it.
Json result_json(const Answered& a, const ImageFeatures& features) {
  Json json = Json::object();
  if (features.size() == 1) {
    json = features_json(features.front());
  } else {
    for (const LayerFeatures& one : features) json["outputs"].push_back(features_json(one));
  }
  json["layer"] = a.settings.layer;
  return json;
}

Json result_json(const Answered& a, const std::vector<Pose>& poses) {
  const TaskModel& head = *a.entry.model->head();
  return {{"shape", {poses.size(), head.outputs()}},
          {"meta_info", documents::keypoints_json(head.outputs(), head.keypoint_set())},
          {"instance_info", documents::persons_json(poses)}};
}

Json result_json(const Answered& a, const Result& result) {
  if (const FloatArray* const map = map_of(result)) return array_json(*map);
  const auto& found = std::get<Segmentation>(result);
  return {{"shape", {found.height, found.width}},
          {"classes", classes_json(found, a.entry.model->head()->seg_classes())}};
}

std::vector<std::pair<std::string, double>> stages_of(const Answered& a) {
  std::vector<std::pair<std::string, double>> stages = {
      {"decode", a.decode},
      {"preprocess", a.preprocess + a.computed.stages.preprocess},
      {"queue", a.computed.waited}};
  if (a.computed.detect > 0) stages.emplace_back("detect", a.computed.detect);
  stages.insert(stages.end(), {{"encoder", a.computed.stages.encoder},
                               {"head", a.computed.stages.head},
                               {"post", a.computed.stages.post}});
  return stages;
}

Json answer_json(const Answered& a) {
  Json json = {{"model", a.entry.name},
               {"task", task_word(a.operation.task)},
               {"image", {{"width", a.image.width}, {"height", a.image.height}}}};
  json.update(
      std::visit([&](const auto& found) { return result_json(a, found); }, a.computed.output));
  json["seconds"] = Json::object();
  for (const auto& [stage, seconds] : stages_of(a)) json["seconds"][stage] = seconds;
  json["together"] = a.computed.together;
  return json;
}

std::string server_timing(const Answered& a) {
  std::string text;
  for (const auto& [stage, seconds] : stages_of(a)) {
    text += fmt::format("{}{};dur={:.3f}", text.empty() ? "" : ", ", stage, 1e3 * seconds);
  }
  return text;
}

}  // namespace

Response make_answer(const Answered& answered, std::string_view type, const StopCheck& check) {
  check();
  Response response{.type = std::string(type)};
  if (type == kJsonType) {
    response.body = json_text(answer_json(answered));
  } else if (type == kPngType) {
    const Image drawn = std::visit([&](const auto& found) { return draw(answered, found, check); },
                                   answered.computed.output);
    response.body = text_of(drawn.encode_png(check));
  } else {
    response.body = text_of(std::visit([&](const auto& found) { return npy_of(answered, found); },
                                       answered.computed.output));
  }
  response.headers = {{"Server-Timing", server_timing(answered)}};
  return response;
}

}  // namespace sapiens::serve

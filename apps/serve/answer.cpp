#include "serve/answer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <sapiens/draw.hpp>
#include <sapiens/npy.hpp>
#include <span>
#include <utility>

#include "documents/pose_json.hpp"
#include "documents/seg_json.hpp"
#include "serve/http_error.hpp"
#include "serve/media_types.hpp"

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

std::vector<std::byte> npy_bytes(const Answered& a) {
  const Result& result = a.computed.result;
  if (a.operation.task == "features") {
    expect_numbers(result.array, dtype_of(a.fields));
    return encode_npy(result.array.shape, result.array.values, dtype_of(a.fields));
  }
  if (a.operation.task != "seg") return encode_npy(result.array.shape, result.array.values);
  const Segmentation& found = result.segmentation;
  const Index shape[] = {found.height, found.width};
  return a.fields.text("array") == "mask" ? encode_npy_mask(shape, found.ids)
                                          : encode_npy_ids(shape, found.ids);
}

Image draw_map(const Answered& a, const StopCheck& check) {
  const FloatArray& array = a.computed.result.array;
  if (a.settings.out_type == OutType::Featmap)
    return draw_features(a.image, array.view<3>(), check);
  if (a.settings.out_type == OutType::Raw) {
    constexpr Index kPatch = 16;
    const Grid size = a.entry.model->input_size();
    const Grid grid = {size.height / kPatch, size.width / kPatch};
    return draw_features(a.image, featmap_of_tokens(array.view<2>(), grid).view<3>(), check);
  }
  throw HttpError(406, "not-acceptable",
                  {.summary = "one vector cannot be drawn",
                   .key = "out_type",
                   .expected = "featmap or raw for image/png",
                   .actual = a.fields.text("out_type")});
}

Image draw(const Answered& a, const StopCheck& check) {
  const Result& result = a.computed.result;
  const ServedModel& model = *a.entry.model;
  if (a.operation.task == "features") return draw_map(a, check);
  if (a.operation.task == "pose") {
    return draw_pose(a.image, result.poses, model.keypoint_set(), {}, check);
  }
  if (a.operation.task == "seg") {
    return draw_segmentation(a.image, result.segmentation, model.seg_classes(), {}, check);
  }
  if (a.operation.task == "depth")
    return draw_depth(a.image, result.array.view<2>(), {}, {}, check);
  return draw_normals(a.image, result.array.view<3>(), {}, {}, check);
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

/// What is particular to the task.
Json result_json(const Answered& a) {
  const Result& result = a.computed.result;
  const ServedModel& model = *a.entry.model;
  if (a.operation.task == "pose") {
    return {{"shape", {result.poses.size(), model.outputs()}},
            {"meta_info", documents::keypoints_json(model.outputs(), model.keypoint_set())},
            {"instance_info", documents::persons_json(result.poses)}};
  }
  if (a.operation.task == "seg") {
    const Segmentation& found = result.segmentation;
    return {{"shape", {found.height, found.width}},
            {"classes", classes_json(found, model.seg_classes())}};
  }
  Json json = {{"shape", result.array.shape}, {"values", range_json(result.array.values)}};
  if (a.operation.task != "features") return json;
  expect_numbers(result.array, DType::F32);
  json["out_type"] = a.fields.text("out_type");
  json["layer"] = a.settings.layer;
  if (result.array.shape.size() == 1) json["vector"] = result.array.values;
  return json;
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
               {"task", a.operation.task},
               {"image", {{"width", a.image.width}, {"height", a.image.height}}}};
  json.update(result_json(a));
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
    response.body = text_of(draw(answered, check).encode_png(check));
  } else {
    response.body = text_of(npy_bytes(answered));
  }
  response.headers = {{"Server-Timing", server_timing(answered)}};
  return response;
}

}  // namespace sapiens::serve

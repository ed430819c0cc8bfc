#include "serve/served_model.hpp"

#include <algorithm>
#include <iterator>
#include <sapiens/checkpoint.hpp>
#include <sapiens/error.hpp>
#include <utility>

namespace sapiens::serve {
namespace {

class FeatureModel : public ServedModel {
 public:
  FeatureModel(const Checkpoint& checkpoint, Inspection inspection, const EngineOptions& engine)
      : ServedModel(std::move(inspection)), extractor_(checkpoint, {}, engine) {}

  std::string_view task() const override { return "features"; }
  EngineStats stats() const override { return extractor_.stats(); }
  StageTimes last_stages() const override { return {.encoder = stats().forward_seconds}; }
  Grid input_size() const override { return extractor_.native_size(); }

  Prepared prepare(const Image& picture, std::span<const Box>,
                   const RunSettings& settings) const override {
    expect_class_token(settings.out_type);
    Prepared prepared{.settings = settings};
    prepared.settings.layer = extractor_.resolve_layers({&settings.layer, 1}).front();
    prepared.inputs.push_back({.pixels = extractor_.preprocess(picture, settings.preprocess),
                               .width = picture.width,
                               .height = picture.height});
    return prepared;
  }

  // Requests have one picture each, so they are `together` or fewer.
  std::vector<Result> run(std::span<const Prepared* const> requests, Index,
                          const Progress& progress) override {
    const RunSettings& settings = requests.front()->settings;
    const std::vector<Index>& shape = requests.front()->inputs.front().pixels.shape;
    std::vector<float> frames;
    for (const Prepared* request : requests) {
      const std::vector<float>& frame = request->inputs.front().pixels.values;
      if (frames.empty()) frames.reserve(requests.size() * frame.size());
      frames.insert(frames.end(), frame.begin(), frame.end());
    }
    const std::vector<LayerFeatures> layers =
        extractor_.run({frames.data(), {std::ssize(requests), shape[0], shape[1], shape[2]}},
                       {.out_type = settings.out_type,
                        .layers = {settings.layer},
                        .norm_layers = settings.norm,
                        .progress = progress});
    return split(layers.front().values, requests.size());
  }

 private:
  void expect_class_token(OutType type) const {
    if (type != OutType::ClsToken || inspection().model.cls_token) return;
    throw Error(ErrorCode::InvalidArgument, {.summary = "this model has no class token",
                                             .key = "out_type",
                                             .expected = "featmap, raw or avg_featmap",
                                             .actual = "cls_token",
                                             .hint = "only pretrained encoders have one"});
  }

  static std::vector<Result> split(const FloatArray& all, std::size_t count) {
    const auto each = static_cast<std::ptrdiff_t>(all.values.size() / count);
    std::vector<Result> results(count);
    auto first = all.values.begin();
    for (Result& result : results) {
      result.array = {.shape = {all.shape.begin() + 1, all.shape.end()},
                      .values = {first, first + each}};
      first += each;
    }
    return results;
  }

  FeatureExtractor extractor_;
};

class HeadModel : public ServedModel {
 public:
  HeadModel(const Checkpoint& checkpoint, Inspection inspection, const EngineOptions& engine)
      : ServedModel(std::move(inspection)), model_(checkpoint, {}, engine) {}

  std::string_view task() const override { return model_.task(); }
  EngineStats stats() const override { return model_.stats(); }
  StageTimes last_stages() const override { return stages_; }
  Grid input_size() const override { return model_.input_size(); }
  const KeypointSet* keypoint_set() const override { return model_.keypoint_set(); }
  const SegClassSet* seg_classes() const override { return model_.seg_classes(); }
  Index outputs() const override { return model_.outputs(); }

  Prepared prepare(const Image& picture, std::span<const Box> persons,
                   const RunSettings& settings) const override {
    Prepared prepared{.settings = settings};
    if (task() != "pose") {
      prepared.inputs.push_back(model_.prepare(picture, std::nullopt, settings.preprocess));
      return prepared;
    }
    for (const Box& person : persons) {
      prepared.inputs.push_back(model_.prepare(picture, person, settings.preprocess));
    }
    return prepared;
  }

  std::vector<Result> run(std::span<const Prepared* const> requests, Index together,
                          const Progress& progress) override {
    std::vector<TaskInput> copies;
    std::span<const TaskInput> inputs = requests.front()->inputs;
    if (requests.size() > 1) {
      for (const Prepared* request : requests) {
        copies.insert(copies.end(), request->inputs.begin(), request->inputs.end());
      }
      inputs = copies;
    }
    if (task() != "pose") return run_dense(inputs, progress);
    return hand_out(requests, run_pose(inputs, requests.front()->settings, together, progress));
  }

 private:
  // A crowd needs no more memory than a few persons.
  std::vector<Pose> run_pose(std::span<const TaskInput> persons, const RunSettings& settings,
                             Index together, const Progress& progress) {
    std::vector<Pose> poses;
    StageTimes stages;
    while (!persons.empty()) {
      const auto some = persons.first(std::min(persons.size(), static_cast<std::size_t>(together)));
      auto found = model_.pose(some, {.flip_test = settings.flip_test, .progress = progress});
      std::move(found.begin(), found.end(), std::back_inserter(poses));
      const StageTimes now = model_.stats().stages;
      stages.encoder += now.encoder;
      stages.head += now.head;
      stages.post += now.post;
      persons = persons.subspan(some.size());
    }
    stages_ = stages;
    return poses;
  }

  static std::vector<Result> hand_out(std::span<const Prepared* const> requests,
                                      std::vector<Pose> poses) {
    std::vector<Result> results(requests.size());
    auto next = std::move_iterator(poses.begin());
    for (std::size_t i = 0; i < requests.size(); ++i) {
      const auto last = next + std::ssize(requests[i]->inputs);
      results[i].poses.assign(next, last);
      next = last;
    }
    return results;
  }

  std::vector<Result> run_dense(std::span<const TaskInput> inputs, const Progress& progress) {
    std::vector<Result> results(inputs.size());
    if (task() == "seg") {
      auto found = model_.segment(inputs, progress);
      stages_ = model_.stats().stages;
      for (std::size_t i = 0; i < found.size(); ++i) {
        results[i].segmentation = std::move(found[i]);
      }
      return results;
    }
    auto found =
        task() == "depth" ? model_.depth(inputs, progress) : model_.normals(inputs, progress);
    stages_ = model_.stats().stages;
    for (std::size_t i = 0; i < found.size(); ++i) results[i].array = std::move(found[i]);
    return results;
  }

  TaskModel model_;
  StageTimes stages_;  // of the last run
};

bool has_head(const Inspection& inspection) {
  const std::string& task = inspection.model.task;
  return task != "pretrain" && task != "backbone" && inspection.model.outputs > 0;
}

}  // namespace

std::unique_ptr<ServedModel> load_model(const std::string& path, const EngineOptions& engine) {
  const Checkpoint checkpoint = Checkpoint::open(path);
  Inspection inspection = checkpoint.inspect();
  if (has_head(inspection)) {
    return std::make_unique<HeadModel>(checkpoint, std::move(inspection), engine);
  }
  return std::make_unique<FeatureModel>(checkpoint, std::move(inspection), engine);
}

}  // namespace sapiens::serve

#include "serve/served_model.hpp"

#include <algorithm>
#include <iterator>
#include <sapiens/boxes.hpp>
#include <sapiens/checkpoint.hpp>
#include <sapiens/error.hpp>
#include <utility>

namespace sapiens::serve {
namespace {

class FeatureModel : public ServedModel {
 public:
  FeatureModel(const Checkpoint& checkpoint, const ModelOptions& options, Inspection inspection,
               const EngineOptions& engine)
      : ServedModel(std::move(inspection)), encoder_(checkpoint, options, engine) {}

  std::string_view task() const override { return "features"; }
  EngineStats stats() const override { return encoder_.stats(); }
  StageTimes last_stages() const override { return {.encoder = stats().forward_seconds}; }
  Grid input_size() const override { return encoder_.input_size(); }

  Prepared prepare(const std::shared_ptr<const Image>& image, std::span<const Box>,
                   const RunSettings& settings, const StopCheck& check) const override {
    expect_class_token(settings.out_type);
    Prepared prepared{.settings = settings};
    prepared.settings.layer = encoder_.resolve_layers({&settings.layer, 1}).front();
    prepared.inputs.push_back(
        {.pixels = encoder_.preprocess(*image, settings.preprocess, std::nullopt, check),
         .width = image->width,
         .height = image->height});
    return prepared;
  }

  // Requests have one image each, so they are `together` or fewer.
  std::vector<Result> run(std::span<const Prepared* const> requests, Index,
                          const StopCheck& check) override {
    const RunSettings& settings = requests.front()->settings;
    const std::vector<Index>& shape = requests.front()->inputs.front().pixels.shape;
    std::vector<float> frames;
    for (const Prepared* request : requests) {
      const std::vector<float>& frame = request->inputs.front().pixels.values;
      if (frames.empty()) frames.reserve(requests.size() * frame.size());
      frames.insert(frames.end(), frame.begin(), frame.end());
    }
    const std::vector<LayerFeatures> layers =
        encoder_.run({frames.data(), {std::ssize(requests), shape[0], shape[1], shape[2]}},
                     {.out_type = settings.out_type,
                      .layers = {settings.layer},
                      .norm_layers = settings.norm,
                      .check = check});
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

  Encoder encoder_;
};

class HeadModel : public ServedModel {
 public:
  HeadModel(const Checkpoint& checkpoint, const ModelOptions& options, Inspection inspection,
            const EngineOptions& engine, PersonFinder* finder)
      : ServedModel(std::move(inspection)), model_(checkpoint, options, engine), finder_(finder) {}

  std::string_view task() const override { return model_.task(); }
  EngineStats stats() const override { return model_.stats(); }
  StageTimes last_stages() const override { return stages_; }
  double last_detect_seconds() const override { return detect_seconds_; }
  Grid input_size() const override { return model_.input_size(); }
  const KeypointSet* keypoint_set() const override { return model_.keypoint_set(); }
  const SegClassSet* seg_classes() const override { return model_.seg_classes(); }
  Index outputs() const override { return model_.outputs(); }

  Prepared prepare(const std::shared_ptr<const Image>& image, std::span<const Box> persons,
                   const RunSettings& settings, const StopCheck& check) const override {
    check();
    expect_boxes_in(*image, persons);
    Prepared prepared{.settings = settings};
    if (task() != "pose") {
      prepared.inputs.push_back(model_.prepare(*image, std::nullopt, settings.preprocess));
    } else if (persons.size() == 1) {
      prepared.inputs.push_back(model_.prepare(*image, persons.front(), settings.preprocess));
    } else if (persons.empty() && !finder_) {
      const Box all = {.width = static_cast<float>(image->width),
                       .height = static_cast<float>(image->height)};
      prepared.inputs.push_back(model_.prepare(*image, all, settings.preprocess));
    } else {
      prepared.crowd = image;
      prepared.persons.assign(persons.begin(), persons.end());
    }
    return prepared;
  }

  std::vector<Result> run(std::span<const Prepared* const> requests, Index together,
                          const StopCheck& check) override {
    stages_ = {};
    detect_seconds_ = 0;
    if (requests.front()->crowd) return run_crowd(*requests.front(), together, check);
    std::vector<TaskInput> copies;
    std::span<const TaskInput> inputs = requests.front()->inputs;
    if (requests.size() > 1) {
      for (const Prepared* request : requests) {
        copies.insert(copies.end(), request->inputs.begin(), request->inputs.end());
      }
      inputs = copies;
    }
    if (task() != "pose") return run_dense(inputs, check);
    return hand_out(run_pose(inputs, requests.front()->settings, check));
  }

 private:
  // Everybody in one image, `together` at a time.
  std::vector<Result> run_crowd(const Prepared& request, Index together, const StopCheck& check) {
    std::vector<Box> found;
    if (request.persons.empty()) {
      found = finder_->find(*request.crowd, check);
      detect_seconds_ = finder_->last_seconds();
    }
    std::vector<Result> results(1);
    std::vector<Pose>& poses = results.front().poses;
    for (std::span<const Box> persons = found.empty() ? request.persons : found;
         !persons.empty();) {
      const auto some = persons.first(std::min(persons.size(), static_cast<std::size_t>(together)));
      auto more =
          run_pose(prepare_persons(*request.crowd, some, request.settings.preprocess, check),
                   request.settings, check);
      std::move(more.begin(), more.end(), std::back_inserter(poses));
      persons = persons.subspan(some.size());
    }
    return results;
  }

  std::vector<TaskInput> prepare_persons(const Image& image, std::span<const Box> persons,
                                         PreprocessMode mode, const StopCheck& check) {
    const Clock::time_point start = Clock::now();
    std::vector<TaskInput> inputs;
    for (const Box& person : persons) {
      check();
      inputs.push_back(model_.prepare(image, person, mode));
    }
    stages_.preprocess += std::chrono::duration<double>(Clock::now() - start).count();
    return inputs;
  }

  std::vector<Pose> run_pose(std::span<const TaskInput> persons, const RunSettings& settings,
                             const StopCheck& check) {
    std::vector<Pose> poses =
        model_.pose(persons, {.flip_test = settings.flip_test, .check = check});
    const StageTimes now = model_.stats().stages;
    stages_.encoder += now.encoder;
    stages_.head += now.head;
    stages_.post += now.post;
    return poses;
  }

  // One person each.
  static std::vector<Result> hand_out(std::vector<Pose> poses) {
    std::vector<Result> results(poses.size());
    for (std::size_t i = 0; i < poses.size(); ++i) results[i].poses.push_back(std::move(poses[i]));
    return results;
  }

  std::vector<Result> run_dense(std::span<const TaskInput> inputs, const StopCheck& check) {
    std::vector<Result> results(inputs.size());
    if (task() == "seg") {
      auto found = model_.segment(inputs, {}, check);
      stages_ = model_.stats().stages;
      for (std::size_t i = 0; i < found.size(); ++i) {
        results[i].segmentation = std::move(found[i]);
      }
      return results;
    }
    auto found =
        task() == "depth" ? model_.depth(inputs, {}, check) : model_.normals(inputs, {}, check);
    stages_ = model_.stats().stages;
    for (std::size_t i = 0; i < found.size(); ++i) results[i].array = std::move(found[i]);
    return results;
  }

  TaskModel model_;
  PersonFinder* const finder_;  // null where there is none
  StageTimes stages_;           // of the last run
  double detect_seconds_ = 0;
};

bool has_head(const Inspection& inspection) {
  const std::string& task = inspection.model.task;
  return task != "pretrain" && task != "backbone" && inspection.model.outputs > 0;
}

}  // namespace

std::unique_ptr<ServedModel> load_model(const NamedCheckpoint& file, const EngineOptions& engine,
                                        PersonFinder* finder) {
  const Checkpoint checkpoint = Checkpoint::open(file.path);
  const ModelOptions model{.prefix = file.prefix};
  Inspection inspection = checkpoint.inspect(model);
  if (has_head(inspection)) {
    return std::make_unique<HeadModel>(checkpoint, model, std::move(inspection), engine, finder);
  }
  return std::make_unique<FeatureModel>(checkpoint, model, std::move(inspection), engine);
}

}  // namespace sapiens::serve

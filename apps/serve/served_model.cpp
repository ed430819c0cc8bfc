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
  Grid input_size() const override { return encoder_.input_size(); }

  Prepared prepare(const std::shared_ptr<const Image>& image, std::span<const Box>,
                   const RunSettings& settings, const StopCheck& check) const override {
    encoder_.expect_out_type(settings.out_type);
    Prepared prepared{.settings = settings};
    prepared.settings.layer = encoder_.resolve_layers({&settings.layer, 1}).front();
    prepared.inputs.push_back(
        {.pixels = encoder_.preprocess(*image, settings.preprocess, std::nullopt, check),
         .width = image->width,
         .height = image->height});
    return prepared;
  }

  // Requests have one image each, so they are `together` or fewer.
  ServedRun run(std::span<const Prepared* const> requests, Index, const StopCheck& check) override {
    const RunSettings& settings = requests.front()->settings;
    std::vector<TensorView<const float, 3>> images;
    for (const Prepared* request : requests) {
      images.push_back(request->inputs.front().pixels.view<3>());
    }
    const FeatureRun found = encoder_.run(images, {.out_type = settings.out_type,
                                                   .layers = {settings.layer},
                                                   .norm_layers = settings.norm,
                                                   .check = check});
    return {.results = split(found.layers.front().values, requests.size()),
            .stages = found.stats.stages};
  }

 private:
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

  std::string_view task() const override { return task_name(model_.task()); }
  EngineStats stats() const override { return model_.stats(); }
  Grid input_size() const override { return model_.input_size(); }
  const KeypointSet* keypoint_set() const override { return model_.keypoint_set(); }
  const SegClassSet* seg_classes() const override { return model_.seg_classes(); }
  Index outputs() const override { return model_.outputs(); }

  Prepared prepare(const std::shared_ptr<const Image>& image, std::span<const Box> persons,
                   const RunSettings& settings, const StopCheck& check) const override {
    check();
    expect_boxes_in(*image, persons);
    Prepared prepared{.settings = settings};
    if (persons.size() == 1 && is_pose()) {
      prepared.inputs.push_back(model_.prepare(*image, persons.front(), settings.preprocess));
    } else if (!is_pose() || (persons.empty() && !finder_)) {
      prepared.inputs.push_back(model_.prepare(*image, std::nullopt, settings.preprocess));
    } else {
      prepared.crowd = image;
      prepared.persons.assign(persons.begin(), persons.end());
    }
    return prepared;
  }

  ServedRun run(std::span<const Prepared* const> requests, Index together,
                const StopCheck& check) override {
    if (requests.front()->crowd) return run_crowd(*requests.front(), together, check);
    std::vector<TaskInput> inputs;
    for (const Prepared* request : requests) {
      inputs.insert(inputs.end(), request->inputs.begin(), request->inputs.end());
    }
    TaskRun found = model_.run(inputs, options_of(requests.front()->settings, check));
    ServedRun run{.results = {}, .stages = found.stats.stages};
    for (sapiens::Result& one : found.results) add(one, run.results.emplace_back());
    return run;
  }

 private:
  bool is_pose() const { return model_.task() == Task::Pose; }

  static RunOptions options_of(const RunSettings& settings, const StopCheck& check) {
    return {.flip_test = settings.flip_test, .check = check};
  }

  // Everybody in one image, `together` at a time.
  ServedRun run_crowd(const Prepared& request, Index together, const StopCheck& check) {
    ServedRun run{.results = std::vector<Result>(1)};
    std::vector<Box> found;
    if (request.persons.empty()) {
      const Clock::time_point start = Clock::now();
      found = finder_->find(*request.crowd, check);
      run.detect = std::chrono::duration<double>(Clock::now() - start).count();
    }
    for (std::span<const Box> persons = found.empty() ? request.persons : found;
         !persons.empty();) {
      const auto some = persons.first(std::min(persons.size(), static_cast<std::size_t>(together)));
      const Clock::time_point start = Clock::now();
      std::vector<PreparedImage> prepared;
      for (const Box& person : some) {
        check();
        prepared.push_back(model_.prepare(*request.crowd, person, request.settings.preprocess));
      }
      run.stages.preprocess += std::chrono::duration<double>(Clock::now() - start).count();
      const std::vector<TaskInput> inputs(prepared.begin(), prepared.end());
      TaskRun more = model_.run(inputs, options_of(request.settings, check));
      for (sapiens::Result& one : more.results) add(one, run.results.front());
      run.stages += more.stats.stages;
      persons = persons.subspan(some.size());
    }
    return run;
  }

  static void add(sapiens::Result& found, Result& to) {
    if (auto* const pose = std::get_if<Pose>(&found)) to.poses.push_back(std::move(*pose));
    if (auto* const seg = std::get_if<Segmentation>(&found)) to.segmentation = std::move(*seg);
    if (auto* const depth = std::get_if<DepthMap>(&found)) to.array = std::move(depth->values);
    if (auto* const map = std::get_if<NormalMap>(&found)) to.array = std::move(map->values);
  }

  TaskModel model_;
  PersonFinder* const finder_;  // null where there is none
};

bool has_head(const Inspection& inspection) {
  const ModelInfo& model = inspection.model;
  return model.task && sapiens::has_head(*model.task) && model.outputs > 0;
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

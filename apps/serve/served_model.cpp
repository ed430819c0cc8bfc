#include <algorithm>
#include <iterator>
#include <sapiens/boxes.hpp>
#include <sapiens/checkpoint.hpp>
#include <utility>

#include "core/stopwatch.hpp"
#include "serve/models.hpp"

namespace sapiens::serve {
namespace {

using Network = std::variant<Encoder, TaskModel>;

Network load(const NamedCheckpoint& file, const Inspection& inspection,
             const EngineOptions& engine) {
  const Checkpoint checkpoint = Checkpoint::open(file.path);
  const ModelOptions model{.prefix = file.prefix};
  const ModelInfo& info = inspection.model;
  if (info.task && has_head(*info.task) && info.outputs > 0) {
    return TaskModel(checkpoint, model, engine);
  }
  return Encoder(checkpoint, model, engine);
}

Prepared prepare_features(const Encoder& encoder, const Image& image, const RunSettings& settings,
                          const StopCheck& check) {
  encoder.expect_out_types(settings.out_types);
  Prepared prepared;
  prepared.settings = settings;
  prepared.settings.layer = encoder.resolve_layers({&settings.layer, 1}).front();
  prepared.input = {.pixels = encoder.preprocess(image, settings.preprocess, std::nullopt, check),
                    .width = image.width,
                    .height = image.height};
  return prepared;
}

/// One output for each image of the batch.
std::vector<Output> split(std::span<const LayerFeatures> all, std::size_t count) {
  std::vector<Output> outputs;
  for (std::size_t image = 0; image < count; ++image) {
    ImageFeatures features;
    for (const auto& [layer, out_type, batch] : all) {
      const std::size_t each = batch.values.size() / count;
      const auto values = std::span(batch.values).subspan(image * each, each);
      features.push_back({.layer = layer,
                          .out_type = out_type,
                          .values = {.shape = {batch.shape.begin() + 1, batch.shape.end()},
                                     .values = {values.begin(), values.end()}}});
    }
    outputs.emplace_back(std::move(features));
  }
  return outputs;
}

ServedRun run_features(Encoder& encoder, std::span<const Prepared* const> requests,
                       const StopCheck& check) {
  const RunSettings& settings = requests.front()->settings;
  std::vector<TensorView<const float, 3>> images;
  for (const Prepared* request : requests) images.push_back(request->input.pixels.view<3>());
  const FeatureRun found = encoder.run(images, {.out_types = settings.out_types,
                                                .layers = {settings.layer},
                                                .norm_layers = settings.norm,
                                                .check = check});
  return {.outputs = split(found.layers, requests.size()), .stages = found.stats.stages};
}

RunOptions options_of(const RunSettings& settings, const StopCheck& check) {
  return {.flip_test = settings.flip_test, .check = check};
}

/// A request without a crowd is about one person.
Output output_of(Result&& result) {
  if (auto* const pose = std::get_if<Pose>(&result)) return std::vector<Pose>{std::move(*pose)};
  return std::move(result);
}

}  // namespace

ServedModel::ServedModel(const NamedCheckpoint& file, const ServerOptions& options,
                         PersonDetector* detector)
    : inspection_(Checkpoint::open(file.path).inspect({.prefix = file.prefix})),
      network_(load(file, inspection_, options.engine)),
      detector_(detector),
      detect_(options.detect) {}

std::optional<Task> ServedModel::task() const {
  return head() ? std::optional(head()->task()) : std::nullopt;
}

EngineStats ServedModel::stats() const {
  return std::visit([](const auto& network) { return network.stats(); }, network_);
}

Grid ServedModel::input_size() const {
  return std::visit([](const auto& network) { return network.input_size(); }, network_);
}

Prepared ServedModel::prepare(const std::shared_ptr<const Image>& image,
                              std::span<const Box> persons, const RunSettings& settings,
                              const StopCheck& check) const {
  if (!head()) return prepare_features(std::get<Encoder>(network_), *image, settings, check);
  check();
  expect_boxes_in(*image, persons);
  Prepared prepared;
  prepared.settings = settings;
  const bool is_pose = task() == Task::Pose;
  if (is_pose && (persons.size() > 1 || (persons.empty() && detector_))) {
    prepared.crowd = image;
    prepared.persons.assign(persons.begin(), persons.end());
    return prepared;
  }
  const std::optional<Box> person =
      is_pose && !persons.empty() ? std::optional(persons.front()) : std::nullopt;
  prepared.input = head()->prepare(*image, person, settings.preprocess);
  return prepared;
}

ServedRun ServedModel::run(std::span<const Prepared* const> requests, Index together,
                           const StopCheck& check) {
  // Requests for features have one image each, so they are `together` or fewer.
  if (!head()) return run_features(std::get<Encoder>(network_), requests, check);
  TaskModel& model = std::get<TaskModel>(network_);
  const Prepared& first = *requests.front();
  if (first.crowd) return run_crowd(model, first, together, check);
  std::vector<TaskInput> inputs;
  for (const Prepared* request : requests) inputs.push_back(request->input);
  TaskRun found = model.run(inputs, options_of(first.settings, check));
  ServedRun run{.stages = found.stats.stages};
  for (Result& one : found.results) run.outputs.push_back(output_of(std::move(one)));
  return run;
}

// Everybody in one image, `together` at a time.
ServedRun ServedModel::run_crowd(TaskModel& model, const Prepared& request, Index together,
                                 const StopCheck& check) {
  ServedRun run;
  std::vector<Box> found;
  if (request.persons.empty()) {
    const Stopwatch watch;
    DetectOptions detect = detect_;
    detect.check = check;
    found = detector_->detect(*request.crowd, detect).persons;
    run.detect = watch.seconds();
  }
  std::vector<Pose> poses;
  for (std::span<const Box> left = found.empty() ? request.persons : found; !left.empty();) {
    const auto persons = left.first(std::min(left.size(), static_cast<std::size_t>(together)));
    const Stopwatch watch;
    std::vector<PreparedImage> prepared;
    for (const Box& person : persons) {
      check();
      prepared.push_back(model.prepare(*request.crowd, person, request.settings.preprocess));
    }
    run.stages.preprocess += watch.seconds();
    const std::vector<TaskInput> inputs(prepared.begin(), prepared.end());
    TaskRun some = model.run(inputs, options_of(request.settings, check));
    run.stages += some.stats.stages;
    std::ranges::move(results_as<Pose>(std::move(some)), std::back_inserter(poses));
    left = left.subspan(persons.size());
  }
  run.outputs.push_back(std::move(poses));
  return run;
}

}  // namespace sapiens::serve

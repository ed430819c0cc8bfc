#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/aligned_buffer.hpp"
#include "core/progress.hpp"
#include "core/stopwatch.hpp"
#include "engine/describe.hpp"
#include "engine/expected_task.hpp"
#include "engine/loading.hpp"
#include "engine/mirror_partners.hpp"
#include "engine/network.hpp"
#include "engine/output_labels.hpp"
#include "engine/random_weights.hpp"
#include "engine/task_traits.hpp"
#include "model/head.hpp"
#include "model/task_table.hpp"
#include "preprocess/preprocess.hpp"
#include "sapiens/boxes.hpp"
#include "sapiens/error.hpp"
#include "sapiens/tasks.hpp"
#include "tasks/pose.hpp"

namespace sapiens {
namespace {

using Views = std::vector<TensorView<const float, 3>>;

void expect_inputs_for(bool of_persons, std::span<const TaskInput> inputs) {
  for (const TaskInput& input : inputs) {
    if (input.person.has_value() == of_persons) continue;
    constexpr const char *kPerson = "a person cut out of an image", *kImage = "a whole image";
    throw Error(ErrorCode::InvalidArgument, {.summary = "this input was prepared for another task",
                                             .expected = of_persons ? kPerson : kImage,
                                             .actual = of_persons ? kImage : kPerson,
                                             .hint = "prepare it with the model that it is for"});
  }
}

}  // namespace

struct TaskModel::Impl {
  // `notes` is asked for nothing but what training noted about its data.
  Impl(const EncoderConfig& encoder, const HeadConfig& head, const StateDict& notes,
       const EngineOptions& options)
      : network(encoder, options),
        config(head),
        partners(config.task == Task::Pose ? mirror_partners(notes, config.outputs)
                                           : std::vector<int>{}),
        labels(notes, config.task, config.outputs) {}

  void load(const ParamSource& source, const Progress& progress) {
    network.load(source, progress);
    const Stopwatch watch;
    LoadedHead loaded = load_head(config, source, network.ops());
    weights = std::move(loaded.weights);
    non_finite = network.non_finite();
    non_finite.insert(non_finite.end(), loaded.non_finite.begin(), loaded.non_finite.end());
    network.stats().load_seconds += watch.seconds();
    network.stats().weight_bytes += weights.bytes();
  }

  Grid input_size() const {
    const Grid grid = network.config().grid;
    return {grid.height * kPatch, grid.width * kPatch};
  }

  PreparedImage prepare(const Image& image, std::optional<Box> person, PreprocessMode mode) const;
  // Adds one result per input, and what it took, to `run`.
  void compute(std::span<const TaskInput> inputs, const RunOptions& options, TaskRun& run);
  // Patch tokens of all images, [B, T, C], into `tokens`; returns the seconds that takes.
  double encode(const Views& images, AlignedBuffer<float>& tokens, const Progress& progress);
  // The head on the tokens of image `index`. The result lives in `output`.
  HeadOutput run_head(const AlignedBuffer<float>& tokens, Index index, Grid input,
                      AlignedBuffer<float>& output);
  Views mirrored(const Views& images);
  void finish(TaskRun& run) const {
    run.stats.operators = network.operators();
    run.stats.forward_seconds = run.stats.stages.encoder + run.stats.stages.head;
  }

  Network network;
  HeadConfig config;
  std::vector<int> partners;  // of keypoints in a mirror; empty: not known
  OutputLabels labels;
  HeadWeights weights;
  std::vector<NonFinite> non_finite;
  Inspection inspection;
  // Kept for the next call.
  AlignedBuffer<float> mirrored_pixels, tokens, mirrored_tokens, output, mirrored_output;
};

PreparedImage TaskModel::Impl::prepare(const Image& image, std::optional<Box> person,
                                       PreprocessMode mode) const {
  if (task_info(config.task).of_persons && !person) person = full_image_box(image);
  const Grid size = input_size();
  const Image seen = person ? warp_person(image, crop_of_box(*person, size), size)
                            : resize_bilinear_opencv(image, size.height, size.width);
  PreparedImage prepared{
      .pixels = {.shape = {3, size.height, size.width},
                 .values = std::vector<float>(static_cast<std::size_t>(3 * size.patches()))},
      .width = image.width,
      .height = image.height,
      .person = person,
      .mode = mode};
  normalize(seen, mode, {prepared.pixels.values.data(), {3, size.height, size.width}});
  return prepared;
}

Views TaskModel::Impl::mirrored(const Views& images) {
  const Index each = images.front().size();
  reserve(mirrored_pixels, std::ssize(images) * each);
  Views copies;
  for (const auto& image : images) {
    const TensorView<float, 3> copy(mirrored_pixels.data() + std::ssize(copies) * each,
                                    image.extents());
    std::ranges::copy(image.flat(), copy.data());
    mirror_columns(copy);
    copies.push_back(copy);
  }
  return copies;
}

double TaskModel::Impl::encode(const Views& images, AlignedBuffer<float>& into,
                               const Progress& progress) {
  const Stopwatch watch;
  const Index B = std::ssize(images), T = network.tokens(network.grid_of(images)),
              C = network.config().width;
  reserve(into, B * T * C);
  const EncoderTap last{
      .layer = network.config().depth - 1, .norm = true, .tokens = {into.data(), {B, T, C}}};
  network.forward(images, {&last, 1}, progress);
  return watch.seconds();
}

HeadOutput TaskModel::Impl::run_head(const AlignedBuffer<float>& from, Index index, Grid input,
                                     AlignedBuffer<float>& into) {
  const Grid patches = patch_grid(input, network.config().patch_padding);
  const Index T = network.tokens(patches), C = network.config().width;
  const Index extra = network.config().extra_tokens();
  const Head head(config, weights, network.ops());
  const Grid size = head.output_size(patches);
  reserve(into, size.patches() * config.outputs);
  const Matrix out(into.data(), {size.patches(), config.outputs});
  const ConstMatrix all(from.data() + index * T * C, {T, C});
  const ConstMatrix of_patches = all.slice(0, extra, T - extra);
  network.run_pass(
      [&](Workspace& ws, const Progress&) { head.forward(of_patches, patches, out, ws); }, {});
  return {.values = out, .size = size};
}

void TaskModel::Impl::compute(std::span<const TaskInput> inputs, const RunOptions& options,
                              TaskRun& run) {
  if (inputs.empty()) return;
  expect_inputs_for(task_info(config.task).of_persons, inputs);
  const ThreadPool& pool = network.ops().pool();
  const ThreadPool::Watch watch_pool(pool, options.check);
  Views images;
  for (const TaskInput& input : inputs) images.push_back(input.pixels);
  const Grid size{images.front().extent(1), images.front().extent(2)};
  const bool flip = options.flip_test && !partners.empty();
  StageTimes& stages = run.stats.stages;
  stages.encoder += encode(images, tokens, part_of(options.progress, 0, flip ? 0.5 : 1));
  if (flip) {
    stages.encoder +=
        encode(mirrored(images), mirrored_tokens, part_of(options.progress, 0.5, 0.5));
  }
  for (Index i = 0; i < std::ssize(inputs); ++i) {
    Stopwatch watch;
    const HeadOutput head = run_head(tokens, i, size, output);
    HeadOutput head_of_mirrored;
    if (flip) head_of_mirrored = run_head(mirrored_tokens, i, size, mirrored_output);
    stages.head += watch.seconds();

    watch = {};
    if (flip) {
      average_with_mirrored({output.data(), head.values.extents()}, head_of_mirrored, partners,
                            pool);
    }
    const TaskInput& input = inputs[static_cast<std::size_t>(i)];
    run.results.push_back(
        traits_of(config.task).result({.head = head, .input = input, .size = size, .pool = pool}));
    stages.post += watch.seconds();
  }
}

TaskModel::TaskModel(const Checkpoint& checkpoint, const ModelOptions& model,
                     const EngineOptions& engine) {
  const StateDict& dict = checkpoint.state_dict();
  const TaskAssessment assessed = assess_for_task(checkpoint, model);
  const DetectedModel& detected = assessed.assessment->model();
  const Plan& plan = assessed.assessment->plan(assessed.use);
  Inspection inspection = assessed.inspection;
  expect_head(assessed);
  require_known_heads(detected.encoder);
  impl_ = std::make_unique<Impl>(detected.encoder, *detected.head, dict, engine);
  impl_->inspection = std::move(inspection);
  impl_->load(PlanSource(dict, plan), engine.loading);
  if (!impl_->non_finite.empty()) {
    throw non_finite_error(impl_->inspection.file, impl_->non_finite);
  }
}

std::vector<std::string> output_names(const Checkpoint& checkpoint, const ModelOptions& options) {
  const TaskAssessment assessed = assess_for_task(checkpoint, options);
  expect_head(assessed);
  const HeadConfig& head = *assessed.assessment->model().head;
  return OutputLabels(checkpoint.state_dict(), head.task, head.outputs).names();
}

TaskModel::TaskModel(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TaskModel::TaskModel(TaskModel&&) noexcept = default;
TaskModel& TaskModel::operator=(TaskModel&&) noexcept = default;
TaskModel::~TaskModel() = default;

TaskModel TaskModel::random(const SynthOptions& synth, const EngineOptions& engine) {
  const SynthModel model = synth_model(synth);
  if (!model.head) throw no_head_error(synth.task);
  auto impl = std::make_unique<Impl>(model.encoder, *model.head, StateDict{}, engine);
  impl->inspection = random_inspection(model);
  impl->load(RandomSource(model, synth.seed), engine.loading);
  return TaskModel(std::move(impl));
}

const Inspection& TaskModel::inspection() const { return impl_->inspection; }
EngineStats TaskModel::stats() const { return impl_->network.stats(); }
Task TaskModel::task() const { return impl_->config.task; }
Index TaskModel::outputs() const { return impl_->config.outputs; }
bool TaskModel::can_flip_test() const { return !impl_->partners.empty(); }
const KeypointSet* TaskModel::keypoint_set() const { return impl_->labels.keypoints(); }
const SegClassSet* TaskModel::seg_classes() const { return impl_->labels.classes(); }

std::vector<std::string> TaskModel::output_names() const { return impl_->labels.names(); }
Grid TaskModel::input_size() const { return impl_->input_size(); }

void TaskModel::expect_task(Task task) const {
  if (this->task() == task) return;
  throw Error(ErrorCode::InvalidArgument,
              {.summary = fmt::format("this model does not do {}",
                                      has_head(task) ? task_row(task).what : task_name(task)),
               .file = impl_->inspection.file.path,
               .expected = fmt::format("a checkpoint for {}", task_name(task)),
               .actual = fmt::format("one for {}", task_name(this->task()))});
}

PreparedImage TaskModel::prepare(const Image& image, const std::optional<Box>& person,
                                 PreprocessMode mode) const {
  return impl_->prepare(image, person, mode);
}

TaskRun TaskModel::run(std::span<const TaskInput> inputs, const RunOptions& options) {
  TaskRun run;
  impl_->network.begin_run();
  impl_->compute(inputs, options, run);
  impl_->finish(run);
  return run;
}

TaskRun TaskModel::run(const Image& image, std::span<const Box> persons,
                       const RunOptions& options) {
  if (!persons.empty()) {
    expect_task(Task::Pose);
    expect_boxes_in(image, persons);
  }
  TaskRun run;
  impl_->network.begin_run();
  const std::size_t count = std::max<std::size_t>(1, persons.size());
  const double share = 1 / static_cast<double>(count);
  for (std::size_t i = 0; i < count; ++i) {
    const Stopwatch watch;
    const PreparedImage prepared =
        prepare(image, persons.empty() ? std::nullopt : std::optional(persons[i]), options.mode);
    run.stats.stages.preprocess += watch.seconds();
    RunOptions one = options;
    one.progress = part_of(options.progress, static_cast<double>(i) * share, share);
    const TaskInput input = prepared;
    impl_->compute({&input, 1}, one, run);
  }
  impl_->finish(run);
  return run;
}

}  // namespace sapiens

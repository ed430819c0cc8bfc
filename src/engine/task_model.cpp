#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/aligned_buffer.hpp"
#include "core/stopwatch.hpp"
#include "engine/assess.hpp"
#include "engine/loading.hpp"
#include "engine/mirror_partners.hpp"
#include "engine/network.hpp"
#include "engine/output_labels.hpp"
#include "engine/random_weights.hpp"
#include "model/head.hpp"
#include "preprocess/person_crop.hpp"
#include "preprocess/preprocess.hpp"
#include "sapiens/boxes.hpp"
#include "sapiens/error.hpp"
#include "sapiens/tasks.hpp"
#include "tasks/dense.hpp"
#include "tasks/pose.hpp"
#include "tasks/segmentation.hpp"

namespace sapiens {
namespace {

FloatArray normalized(const Image& image, PreprocessMode mode) {
  FloatArray chw{
      .shape = {3, image.height, image.width},
      .values = std::vector<float>(static_cast<std::size_t>(3 * image.height * image.width))};
  normalize(image, mode, {chw.values.data(), {3, image.height, image.width}});
  return chw;
}

// Half of `progress` each for two passes.
Progress half(const Progress& progress, int pass) {
  if (!progress) return {};
  return [&progress, pass](double done) { progress((pass + done) / 2); };
}

// Of the inputs of one call, which all have one size.
Grid size_of(std::span<const TaskInput> inputs) {
  const auto first = inputs.front().pixels.view<3>();
  for (const TaskInput& input : inputs) {
    expect_shape("input", input.pixels.view<3>(), {3, first.extent(1), first.extent(2)});
  }
  return {first.extent(1), first.extent(2)};
}

void expect_persons(std::span<const TaskInput> inputs, bool persons) {
  for (const TaskInput& input : inputs) {
    if (input.person.has_value() == persons) continue;
    throw Error(ErrorCode::InvalidArgument,
                {.summary = "this input was prepared for another task",
                 .expected = persons ? "a person cut out of an image" : "a whole image",
                 .actual = persons ? "a whole image" : "a person cut out of an image",
                 .hint = "keypoints need prepare(image, box), other tasks prepare(image)"});
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

  void expect(Task task, std::string_view method) const {
    if (config.task == task) return;
    throw Error(ErrorCode::InvalidArgument,
                {.summary = fmt::format("this model does not do {}", method),
                 .file = inspection.file.path,
                 .expected = fmt::format("a checkpoint for {}", task_name(task)),
                 .actual = fmt::format("one for {}", task_name(config.task))});
  }

  void begin_call();
  void end_call();
  StageTimes& stages() { return network.stats().stages; }

  // Patch tokens of all inputs, [B, T, C], into `tokens`.
  void encode(TensorView<const float, 4> pixels, AlignedBuffer<float>& tokens,
              const Progress& progress);
  // The head on the tokens of input `index`. The result lives in `output`.
  HeadOutput run_head(const AlignedBuffer<float>& tokens, Index index, Grid input,
                      AlignedBuffer<float>& output);
  TensorView<const float, 4> stacked(std::span<const TaskInput> inputs, Grid size, bool mirrored);
  std::vector<Pose> pose(std::span<const TaskInput> persons, const PoseOptions& options);
  template <typename Result, typename Decode>
  std::vector<Result> dense(std::span<const TaskInput> images, const Progress& progress,
                            const StopCheck& check, Decode decode);
  // One image, prepared here.
  template <typename Run>
  auto of_image(const TaskModel& model, const Image& image, Run run) {
    const Stopwatch watch;
    const TaskInput input = model.prepare(image);
    const double seconds = watch.seconds();
    auto results = run(std::span(&input, 1));
    stages().preprocess = seconds;
    return std::move(results.front());
  }

  Network network;
  HeadConfig config;
  std::vector<int> partners;  // of keypoints in a mirror; empty: not known
  OutputLabels labels;
  HeadWeights weights;
  std::vector<NonFinite> non_finite;
  Inspection inspection;
  // Kept for the next call.
  AlignedBuffer<float> stack, tokens, mirrored_tokens, output, mirrored_output;
};

void TaskModel::Impl::begin_call() {
  network.profile().clear();
  stages() = {};
}

void TaskModel::Impl::end_call() {
  network.report_operators();
  network.stats().forward_seconds = stages().encoder + stages().head;
}

TensorView<const float, 4> TaskModel::Impl::stacked(std::span<const TaskInput> inputs, Grid size,
                                                    bool mirrored) {
  const auto count = static_cast<Index>(inputs.size());
  const TensorView<const float, 4>::Extents extents = {count, 3, size.height, size.width};
  if (count == 1 && !mirrored) return {inputs.front().pixels.values.data(), extents};
  const Index each = 3 * size.patches();
  reserve(stack, count * each);
  for (Index i = 0; i < count; ++i) {
    float* const to = stack.data() + i * each;
    std::copy_n(inputs[static_cast<std::size_t>(i)].pixels.values.data(), each, to);
    if (mirrored) mirror_columns({to, {3, size.height, size.width}});
  }
  return {stack.data(), extents};
}

void TaskModel::Impl::encode(TensorView<const float, 4> pixels, AlignedBuffer<float>& into,
                             const Progress& progress) {
  const Stopwatch watch;
  const Index B = pixels.extent(0), T = network.tokens(network.grid_of(pixels)),
              C = network.config().width;
  reserve(into, B * T * C);
  const EncoderTap last{
      .layer = network.config().depth - 1, .norm = true, .tokens = {into.data(), {B, T, C}}};
  network.forward(pixels, {&last, 1}, progress);
  stages().encoder += watch.seconds();
}

HeadOutput TaskModel::Impl::run_head(const AlignedBuffer<float>& from, Index index, Grid input,
                                     AlignedBuffer<float>& into) {
  const Stopwatch watch;
  const Grid patches = patch_grid(input, network.config().patch_padding);
  const Index T = network.tokens(patches), C = network.config().width;
  const Index extra = network.config().extra_tokens();
  const Head head(config, weights, network.ops());
  const Grid size = head.output_size(patches);
  reserve(into, size.patches() * config.outputs);
  const Matrix out(into.data(), {size.patches(), config.outputs});
  const ConstMatrix all(from.data() + index * T * C, {T, C});
  head.forward(all.slice(0, extra, T - extra), patches, out,
               network.workspace(head.workspace_bytes(patches)));
  stages().head += watch.seconds();
  return {.values = out, .size = size};
}

std::vector<Pose> TaskModel::Impl::pose(std::span<const TaskInput> persons,
                                        const PoseOptions& options) {
  if (persons.empty()) return {};
  expect_persons(persons, true);
  const ThreadPool::Watch watch_pool(network.ops().pool(), options.check);
  const Grid input = size_of(persons);
  const bool flip = options.flip_test && !partners.empty();
  encode(stacked(persons, input, false), tokens,
         flip ? half(options.progress, 0) : options.progress);
  if (flip) encode(stacked(persons, input, true), mirrored_tokens, half(options.progress, 1));

  std::vector<Pose> poses;
  for (Index i = 0; i < std::ssize(persons); ++i) {
    const HeadOutput heatmaps = run_head(tokens, i, input, output);
    HeadOutput mirrored;
    if (flip) mirrored = run_head(mirrored_tokens, i, input, mirrored_output);
    const Stopwatch watch;
    const ThreadPool& pool = network.ops().pool();
    if (flip) {
      average_with_mirrored({output.data(), heatmaps.values.extents()}, mirrored, partners, pool);
    }
    const Box& box = *persons[static_cast<std::size_t>(i)].person;
    const auto found = decode_heatmaps(heatmaps, input, pool);
    poses.push_back({.box = box, .keypoints = to_image(found, crop_of_box(box, input), input)});
    stages().post += watch.seconds();
  }
  return poses;
}

// `decode(head_output, input, image, pool)` makes a result of one image.
template <typename Result, typename Decode>
std::vector<Result> TaskModel::Impl::dense(std::span<const TaskInput> images,
                                           const Progress& progress, const StopCheck& check,
                                           Decode decode) {
  if (images.empty()) return {};
  expect_persons(images, false);
  const ThreadPool::Watch watch_pool(network.ops().pool(), check);
  const Grid input = size_of(images);
  encode(stacked(images, input, false), tokens, progress);
  std::vector<Result> results;
  for (Index i = 0; i < std::ssize(images); ++i) {
    const HeadOutput map = run_head(tokens, i, input, output);
    const Stopwatch watch;
    const TaskInput& image = images[static_cast<std::size_t>(i)];
    // The original's lite scripts enlarge the head's output to the image in one step.
    const Grid between = image.mode == PreprocessMode::Lite ? map.size : input;
    results.push_back(decode(map, between, Grid{image.height, image.width}, network.ops().pool()));
    stages().post += watch.seconds();
  }
  return results;
}

TaskModel::TaskModel(const Checkpoint& checkpoint, const ModelOptions& model,
                     const EngineOptions& engine) {
  const StateDict& dict = checkpoint.state_dict();
  const std::shared_ptr<const Assessment> assessed = checkpoint.assess(model);
  const DetectedModel& detected = assessed->model();
  const Use use = use_of(detected.task);
  const Plan& plan = assessed->plan(use);
  Inspection inspection = assessed->inspection(use);
  if (!is_usable(plan.report.verdict)) throw refusal(inspection, "nothing was computed");
  if (!detected.head || !has_head(detected.task)) {
    throw Error(ErrorCode::CheckpointRefused,
                {.summary = "this checkpoint has no task head, so nothing was computed",
                 .file = inspection.file.path,
                 .expected = "a checkpoint for pose, seg, depth or normal",
                 .actual = std::string(task_name(detected.task)),
                 .hint = "use `sapiens features` for what the encoder sees, or a fine-tuned file"});
  }
  require_known_heads(detected.encoder);
  impl_ = std::make_unique<Impl>(detected.encoder, *detected.head, dict, engine);
  impl_->inspection = std::move(inspection);
  impl_->load(PlanSource(dict, plan), engine.loading);
  if (!impl_->non_finite.empty()) {
    throw non_finite_error(impl_->inspection.file, impl_->non_finite);
  }
}

TaskModel::TaskModel(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TaskModel::TaskModel(TaskModel&&) noexcept = default;
TaskModel& TaskModel::operator=(TaskModel&&) noexcept = default;
TaskModel::~TaskModel() = default;

TaskModel TaskModel::random(const SynthOptions& synth, const EngineOptions& engine) {
  const SynthModel model = synth_model(synth);
  if (!model.head) {
    throw Error(ErrorCode::InvalidArgument, {.summary = "a model for this task has no head",
                                             .option = "task",
                                             .expected = "pose, seg, depth or normal",
                                             .actual = synth.task});
  }
  auto impl = std::make_unique<Impl>(model.encoder, *model.head, StateDict{}, engine);
  impl->inspection = random_inspection(model);
  impl->load(RandomSource(model, synth.seed), engine.loading);
  return TaskModel(std::move(impl));
}

const Inspection& TaskModel::inspection() const { return impl_->inspection; }
EngineStats TaskModel::stats() const { return impl_->network.stats(); }
std::string_view TaskModel::task() const { return task_name(impl_->config.task); }
Index TaskModel::outputs() const { return impl_->config.outputs; }
bool TaskModel::can_flip_test() const { return !impl_->partners.empty(); }
const KeypointSet* TaskModel::keypoint_set() const { return impl_->labels.keypoints(); }
const SegClassSet* TaskModel::seg_classes() const { return impl_->labels.classes(); }

std::vector<std::string> TaskModel::output_names() const {
  std::vector<std::string> names;
  if (const KeypointSet* const set = keypoint_set()) {
    for (const KeypointInfo& point : set->keypoints) names.emplace_back(point.name);
  }
  if (const SegClassSet* const set = seg_classes()) {
    for (const SegClass& seg_class : set->classes) names.emplace_back(seg_class.name);
  }
  return names;
}

Grid TaskModel::input_size() const { return impl_->input_size(); }

TaskInput TaskModel::prepare(const Image& image, const std::optional<Box>& person,
                             PreprocessMode mode) const {
  const Grid size = impl_->input_size();
  const Image seen = person ? warp_person(image, crop_of_box(*person, size), size)
                            : resize_bilinear_opencv(image, size.height, size.width);
  return {.pixels = normalized(seen, mode),
          .width = image.width,
          .height = image.height,
          .person = person,
          .mode = mode};
}

std::vector<Pose> TaskModel::pose(std::span<const TaskInput> persons, const PoseOptions& options) {
  impl_->expect(Task::Pose, "pose");
  impl_->begin_call();
  std::vector<Pose> poses = impl_->pose(persons, options);
  impl_->end_call();
  return poses;
}

std::vector<Segmentation> TaskModel::segment(std::span<const TaskInput> images,
                                             const Progress& progress, const StopCheck& check) {
  impl_->expect(Task::Seg, "segmentation");
  impl_->begin_call();
  auto found = impl_->dense<Segmentation>(images, progress, check, most_likely_classes);
  impl_->end_call();
  return found;
}

std::vector<FloatArray> TaskModel::depth(std::span<const TaskInput> images,
                                         const Progress& progress, const StopCheck& check) {
  impl_->expect(Task::Depth, "depth");
  impl_->begin_call();
  auto depths = impl_->dense<FloatArray>(images, progress, check, depth_of_image);
  impl_->end_call();
  return depths;
}

std::vector<FloatArray> TaskModel::normals(std::span<const TaskInput> images,
                                           const Progress& progress, const StopCheck& check) {
  impl_->expect(Task::Normal, "surface normals");
  impl_->begin_call();
  auto normals = impl_->dense<FloatArray>(images, progress, check, normals_of_image);
  impl_->end_call();
  return normals;
}

std::vector<Pose> TaskModel::pose(const Image& image, std::span<const Box> boxes,
                                  const PoseOptions& options) {
  impl_->expect(Task::Pose, "pose");
  const std::vector<Box> whole{whole_image_box(image)};
  expect_boxes_in(image, boxes);
  if (boxes.empty()) boxes = whole;
  // One person at a time: a crowd needs no more memory than one.
  std::vector<Pose> poses;
  impl_->begin_call();
  for (const Box& box : boxes) {
    const Stopwatch watch;
    const TaskInput person = prepare(image, box);
    impl_->stages().preprocess += watch.seconds();
    PoseOptions of_person{.flip_test = options.flip_test, .check = options.check};
    if (options.progress) {
      of_person.progress = [&](double done) {
        options.progress((static_cast<double>(poses.size()) + done) /
                         static_cast<double>(boxes.size()));
      };
    }
    poses.push_back(impl_->pose({&person, 1}, of_person).front());
  }
  impl_->end_call();
  return poses;
}

Segmentation TaskModel::segment(const Image& image, const Progress& progress) {
  impl_->expect(Task::Seg, "segmentation");
  return impl_->of_image(
      *this, image, [&](std::span<const TaskInput> input) { return segment(input, progress); });
}

FloatArray TaskModel::depth(const Image& image, const Progress& progress) {
  impl_->expect(Task::Depth, "depth");
  return impl_->of_image(*this, image,
                         [&](std::span<const TaskInput> input) { return depth(input, progress); });
}

FloatArray TaskModel::normals(const Image& image, const Progress& progress) {
  impl_->expect(Task::Normal, "surface normals");
  return impl_->of_image(
      *this, image, [&](std::span<const TaskInput> input) { return normals(input, progress); });
}

}  // namespace sapiens

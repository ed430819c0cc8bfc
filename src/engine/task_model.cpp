#include <fmt/format.h>

#include <string>
#include <vector>

#include "core/aligned_buffer.hpp"
#include "core/stopwatch.hpp"
#include "engine/assess.hpp"
#include "engine/loading.hpp"
#include "engine/mirror_partners.hpp"
#include "engine/network.hpp"
#include "engine/output_labels.hpp"
#include "model/head.hpp"
#include "preprocess/person_crop.hpp"
#include "preprocess/preprocess.hpp"
#include "sapiens/error.hpp"
#include "sapiens/tasks.hpp"
#include "tasks/dense.hpp"
#include "tasks/pose.hpp"
#include "tasks/segmentation.hpp"

namespace sapiens {
namespace {

FloatArray normalized(const Image& picture) {
  FloatArray chw{
      .shape = {1, 3, picture.height, picture.width},
      .values = std::vector<float>(static_cast<std::size_t>(3 * picture.height * picture.width))};
  normalize(picture, PreprocessMode::Full, {chw.values.data(), {3, picture.height, picture.width}});
  return chw;
}

// Half of `progress` each for two passes.
Progress half(const Progress& progress, int pass) {
  if (!progress) return {};
  return [&progress, pass](double done) { progress((pass + done) / 2); };
}

}  // namespace

struct TaskModel::Impl {
  Impl(const Assessment& assessed, const StateDict& dict, const EngineOptions& options)
      : network(assessed.model.encoder, options),
        config(*assessed.model.head),
        partners(config.task == Task::Pose ? mirror_partners(dict, config.outputs)
                                           : std::vector<int>{}),
        labels(dict, config.task, config.outputs),
        inspection(assessed.inspection) {
    const ParamSource source = plan_source(dict, assessed.whole);
    network.load(source, options.loading);
    const Stopwatch watch;
    LoadedHead loaded = load_head(config, source, network.ops());
    weights = std::move(loaded.weights);
    non_finite = network.non_finite();
    non_finite.insert(non_finite.end(), loaded.non_finite.begin(), loaded.non_finite.end());
    network.stats().load_seconds += watch.seconds();
    network.stats().weight_bytes += weights.bytes();
  }

  // The size that pictures and crops are resized to.
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

  // Encoder and head on one input [1, 3, H, W]. The result lives in `buffer`.
  HeadOutput run(const FloatArray& input, AlignedBuffer<float>& buffer, const Progress& progress);
  HeadOutput run_resized(const Image& picture, const Progress& progress);
  Pose pose_in(const Image& picture, const Box& box, bool flip_test, const Progress& progress);

  Network network;
  HeadConfig config;
  std::vector<int> partners;  // of key points in a mirror; empty: not known
  OutputLabels labels;
  HeadWeights weights;
  std::vector<NonFinite> non_finite;
  Inspection inspection;
  AlignedBuffer<float> tokens, output, mirrored_output;  // kept for the next call
};

HeadOutput TaskModel::Impl::run(const FloatArray& input, AlignedBuffer<float>& buffer,
                                const Progress& progress) {
  const Stopwatch watch;
  network.profile().clear();
  const auto images = input.view<4>();
  const Grid patches = network.grid_of(images);
  const Index T = network.tokens(patches), C = network.config().width;
  if (tokens.size() < T * C) tokens = AlignedBuffer<float>(T * C);
  const EncoderTap last{
      .layer = network.config().depth - 1, .norm = true, .tokens = {tokens.data(), {1, T, C}}};
  network.forward(images, {&last, 1}, progress);

  const Head head(config, weights, network.ops());
  const Grid size = head.output_size(patches);
  if (buffer.size() < size.patches() * config.outputs) {
    buffer = AlignedBuffer<float>(size.patches() * config.outputs);
  }
  const Matrix out(buffer.data(), {size.patches(), config.outputs});
  const Index extra = network.config().extra_tokens();
  const ConstMatrix all(tokens.data(), {T, C});
  head.forward(all.slice(0, extra, T - extra), patches, out,
               network.workspace(head.workspace_bytes(patches)));
  network.report_operators();
  network.stats().forward_seconds = watch.seconds();
  return {.values = out, .size = size};
}

HeadOutput TaskModel::Impl::run_resized(const Image& picture, const Progress& progress) {
  const Grid input = input_size();
  return run(normalized(resize_bilinear_opencv(picture, input.height, input.width)), output,
             progress);
}

Pose TaskModel::Impl::pose_in(const Image& picture, const Box& box, bool flip_test,
                              const Progress& progress) {
  const Grid input = input_size();
  const PersonCrop crop = crop_of_box(box, input);
  FloatArray chw = normalized(warp_person(picture, crop, input));
  const bool flip = flip_test && !partners.empty();
  const HeadOutput heatmaps = run(chw, output, flip ? half(progress, 0) : progress);
  if (flip) {
    mirror_columns({chw.values.data(), {3, input.height, input.width}});
    const HeadOutput mirrored = run(chw, mirrored_output, half(progress, 1));
    average_with_mirrored({output.data(), heatmaps.values.extents()}, mirrored, partners,
                          network.ops().pool());
  }
  const auto found = decode_heatmaps(heatmaps, input, network.ops().pool());
  return {.box = box, .keypoints = to_picture(found, crop, input)};
}

TaskModel::TaskModel(const Checkpoint& checkpoint, const ModelOptions& model,
                     const EngineOptions& engine) {
  const StateDict& dict = checkpoint.state_dict();
  const Assessment assessed = assess(dict, model, Subject::WholeModel);
  if (!is_usable(assessed.whole.report.verdict)) {
    throw refusal(assessed.inspection, "nothing was computed");
  }
  if (!assessed.model.head || !has_head(assessed.model.task)) {
    throw Error(ErrorCode::CheckpointRefused,
                {.summary = "this checkpoint has no task head, so nothing was computed",
                 .file = assessed.inspection.file.path,
                 .expected = "a checkpoint for pose, seg, depth or normal",
                 .actual = std::string(task_name(assessed.model.task)),
                 .hint = "use `sapiens features` for what the encoder sees, or a fine-tuned file"});
  }
  require_known_heads(assessed.model.encoder);
  impl_ = std::make_unique<Impl>(assessed, dict, engine);
  if (!impl_->non_finite.empty()) {
    throw non_finite_error(assessed.inspection.file, impl_->non_finite);
  }
}

TaskModel::TaskModel(TaskModel&&) noexcept = default;
TaskModel& TaskModel::operator=(TaskModel&&) noexcept = default;
TaskModel::~TaskModel() = default;

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

std::vector<Pose> TaskModel::pose(const Image& picture, std::span<const Box> boxes,
                                  const PoseOptions& options) {
  impl_->expect(Task::Pose, "pose");
  const std::vector<Box> whole{whole_picture_box(picture)};
  if (boxes.empty()) boxes = whole;
  std::vector<Pose> poses;
  for (const Box& box : boxes) {
    const auto count = static_cast<double>(boxes.size());
    Progress progress;
    if (options.progress) {
      progress = [&](double done) {
        options.progress((static_cast<double>(poses.size()) + done) / count);
      };
    }
    poses.push_back(impl_->pose_in(picture, box, options.flip_test, progress));
  }
  return poses;
}

Segmentation TaskModel::segment(const Image& picture, const Progress& progress) {
  impl_->expect(Task::Seg, "segmentation");
  return most_likely_classes(impl_->run_resized(picture, progress), impl_->input_size(),
                             {picture.height, picture.width}, impl_->network.ops().pool());
}

FloatArray TaskModel::depth(const Image& picture, const Progress& progress) {
  impl_->expect(Task::Depth, "depth");
  return depth_of_picture(impl_->run_resized(picture, progress), impl_->input_size(),
                          {picture.height, picture.width}, impl_->network.ops().pool());
}

FloatArray TaskModel::normals(const Image& picture, const Progress& progress) {
  impl_->expect(Task::Normal, "surface normals");
  return normals_of_picture(impl_->run_resized(picture, progress), impl_->input_size(),
                            {picture.height, picture.width}, impl_->network.ops().pool());
}

}  // namespace sapiens

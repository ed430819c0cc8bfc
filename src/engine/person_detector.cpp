#include <fmt/format.h>

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "core/aligned_buffer.hpp"
#include "core/stopwatch.hpp"
#include "engine/assess.hpp"
#include "engine/choose_model.hpp"
#include "engine/describe.hpp"
#include "engine/loading.hpp"
#include "engine/runtime.hpp"
#include "model/rtmdet.hpp"
#include "model/rtmdet_config.hpp"
#include "preprocess/preprocess.hpp"
#include "sapiens/detector.hpp"
#include "sapiens/error.hpp"
#include "tasks/detection.hpp"

namespace sapiens {
namespace {

// Small objects are found by small differences, and an image takes little time beside the task
// that follows: less than fp32 is for those who ask for it.
EngineOptions with_default_precision(EngineOptions options) {
  if (options.precision == Precision::Auto) options.precision = Precision::Fp32;
  return options;
}

Error no_detector(const Inspection& inspection) {
  const bool foreign = inspection.report.verdict == Verdict::Foreign;
  return Error(
      ErrorCode::CheckpointRefused,
      {.summary = "this is no person detector, so nothing was computed",
       .file = inspection.file.path,
       .expected = "an RTMDet with one class: backbone.stem.*, neck.*, bbox_head.rtm_cls.*",
       .actual = foreign ? inspection.report.explanation : describe_model(inspection.model),
       .hint = "give the RTMDet-m that the original's scripts use, made for persons"});
}

// What loads a detector has no option that names one of several, as `prefix` does for encoders.
Error several_detectors(const Inspection& inspection) {
  std::string found;
  for (const FoundModel& model : inspection.report.candidates) {
    found += fmt::format("{}{}", found.empty() ? "" : "; ", describe_found(model));
  }
  return Error(ErrorCode::CheckpointRefused,
               {.summary = "several person detectors in one file, so nothing was computed",
                .file = inspection.file.path,
                .expected = "one person detector",
                .actual = std::move(found),
                .hint = "save the tensors of the one that is meant to a file of its own"});
}

void expect_usable(const Inspection& inspection) {
  const Verdict verdict = inspection.report.verdict;
  if (verdict == Verdict::Ambiguous) throw several_detectors(inspection);
  if (!is_usable(verdict)) throw refusal(inspection, "nothing was computed");
}

}  // namespace

struct PersonDetector::Impl {
  Impl(const StateDict& dict, const DetectorFile& file, Inspection inspected,
       const EngineOptions& options)
      : runtime(with_default_precision(options)), inspection(std::move(inspected)) {
    const Stopwatch watch;
    LoadedRtmDet loaded =
        load_rtmdet(file.config, PlanSource(dict, file.plan), runtime.ops(), options.loading);
    if (!loaded.non_finite.empty()) throw non_finite_error(inspection.file, loaded.non_finite);
    weights = std::move(loaded.weights);
    runtime.stats().weight_bytes = loaded.bytes;
    runtime.stats().load_seconds = watch.seconds();
    for (std::size_t i = 0; i < levels.size(); ++i) {
      const Index stride = kDetectorStrides[i];
      const Grid size = RtmDet::level_size({kDetectorSide, kDetectorSide}, stride);
      logits[i] = AlignedBuffer<float>(size.patches());
      distances[i] = AlignedBuffer<float>(4 * size.patches());
      levels[i] = {.stride = stride,
                   .size = size,
                   .logits = {logits[i].data(), {size.patches(), 1}},
                   .distances = {distances[i].data(), {size.patches(), 4}}};
    }
  }

  // Fills `levels`; returns the seconds that takes.
  double run(const Image& square, const Progress& progress, const StopCheck& check);

  Runtime runtime;
  Inspection inspection;
  RtmDetWeights weights;
  AlignedBuffer<float> input{kDetectorSide * kDetectorSide * 3};
  std::array<AlignedBuffer<float>, 3> logits, distances;
  std::array<DetectorLevel, 3> levels;
};

double PersonDetector::Impl::run(const Image& square, const Progress& progress,
                                 const StopCheck& check) {
  const ThreadPool::Watch watch_pool(runtime.ops().pool(), check);
  const Stopwatch watch;
  runtime.begin_run();
  const Grid size{square.height, square.width};
  const Matrix pixels(input.data(), {size.patches(), 3});
  normalize_for_detector(square, pixels);
  const RtmDet network(weights, runtime.ops());
  runtime.run_pass(
      [&](Workspace& ws, const Progress& report) {
        network.forward(pixels, size, levels, ws, report);
      },
      progress);
  return watch.seconds();
}

PersonDetector::PersonDetector(const Checkpoint& checkpoint, const EngineOptions& engine) {
  const StateDict& dict = checkpoint.state_dict();
  const std::optional<DetectorFile> file = find_detector(dict, NameIndex(dict));
  if (!file) throw no_detector(checkpoint.assess({})->inspection());
  Inspection inspection = inspect_detector(dict, *file);
  expect_usable(inspection);
  impl_ = std::make_unique<Impl>(dict, *file, std::move(inspection), engine);
}

PersonDetector::PersonDetector(PersonDetector&&) noexcept = default;
PersonDetector& PersonDetector::operator=(PersonDetector&&) noexcept = default;
PersonDetector::~PersonDetector() = default;

const Inspection& PersonDetector::inspection() const { return impl_->inspection; }
EngineStats PersonDetector::stats() const { return impl_->runtime.stats(); }

Detection PersonDetector::detect(const Image& image, const DetectOptions& options) {
  expect_detect_options(options);
  Stopwatch watch;
  const Letterbox input = letterbox(image, kDetectorSide);
  StageTimes stages{.preprocess = watch.seconds()};
  stages.encoder = impl_->run(input.square, options.progress, options.check);
  watch = {};
  const InputFrame frame{
      .size = {kDetectorSide, kDetectorSide}, .scale_x = input.scale_x, .scale_y = input.scale_y};
  const std::vector<ScoredBox> found = decode_boxes(impl_->levels, frame, options.min_score);
  Detection detection;
  for (const ScoredBox& box : suppress_overlaps(found, options.nms_iou, options.max_detections)) {
    detection.persons.push_back(to_box(box));
  }
  stages.post = watch.seconds();
  detection.stats = {
      .stages = stages, .forward_seconds = stages.encoder, .operators = impl_->runtime.operators()};
  return detection;
}

}  // namespace sapiens

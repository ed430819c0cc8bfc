#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "sapiens/checkpoint.hpp"
#include "sapiens/features.hpp"
#include "sapiens/image.hpp"
#include "sapiens/labels.hpp"
#include "sapiens/results.hpp"

namespace sapiens {

/// How a task is run.
struct RunOptions {
  /// Of pose: also run the mirrored image and average, as in the published figures: twice the time.
  /// Left out where nothing says which points are mirror partners: neither the file nor a published
  /// set.
  bool flip_test = true;
  /// How `run` prepares an image. Inputs that are prepared already have a mode of their own.
  PreprocessMode mode = PreprocessMode::Full;
  Progress progress = {};  ///< Told after every block; may throw to stop.
  StopCheck check = {};    ///< Called within blocks, heads and what follows them, too.
};

/// What a network is given of an image, or of one person in it. A view: the pixels are those of a
/// PreparedImage, or of any other memory that outlives it.
struct TaskInput {
  TensorView<const float, 3> pixels = {};  ///< [3, H, W], normalised.
  Index width = 0, height = 0;             ///< Of the image.
  std::optional<Box> person = {};          ///< What was cut out; empty for the whole image.
  PreprocessMode mode = PreprocessMode::Full;
};

/// An input that owns its pixels. Made by `TaskModel::prepare`.
struct PreparedImage {
  FloatArray pixels = {};          ///< [3, H, W], normalised.
  Index width = 0, height = 0;     ///< Of the image.
  std::optional<Box> person = {};  ///< What was cut out; empty for the whole image.
  PreprocessMode mode = PreprocessMode::Full;

  /// Valid as long as this image stays where it is.
  operator TaskInput() const& {
    return {.pixels = pixels.view<3>(),
            .width = width,
            .height = height,
            .person = person,
            .mode = mode};
  }
  operator TaskInput() const&& = delete;
};

/// What one run found.
struct TaskRun {
  std::vector<Result> results = {};  ///< One per input, in their order.
  RunStats stats = {};
};

/// The results of a run as what its task finds: `results_as<Pose>(model.run(image, boxes))`. Throws
/// std::bad_variant_access for a run of another task, which `expect_task` and
/// `ModelOptions::expected_task` rule out.
template <typename Found>
std::vector<Found> results_as(TaskRun run) {
  std::vector<Found> results;
  results.reserve(run.results.size());
  for (Result& result : run.results) results.push_back(std::get<Found>(std::move(result)));
  return results;
}

/// The same for a run with one result: `result_as<Segmentation>(model.run(image))`.
template <typename Found>
Found result_as(TaskRun run) {
  return std::get<Found>(std::move(run.results.at(0)));
}

/// A network with a task head. One call at a time; two models in one process share nothing.
///
/// It is for the one task of its checkpoint, which decides what results are: `Pose` of a model for
/// Task::Pose, `Segmentation` for Task::Seg, `DepthMap` for Task::Depth, `NormalMap` for
/// Task::Normal.
///
///   TaskModel model(Checkpoint::open("seg.pth"), {.expected_task = Task::Seg});
///   auto seg = result_as<Segmentation>(model.run(Image::read("photo.jpg")));
class TaskModel {
 public:
  /// Throws as Encoder's constructor does, and CheckpointRefused for a file without a head,
  /// with a head that is not complete, or with one for another task than
  /// `model.expected_task`.
  explicit TaskModel(const Checkpoint& checkpoint, const ModelOptions& model = {},
                     const EngineOptions& engine = {});

  /// A model with random weights that never touched a file, for benchmarks. Throws InvalidArgument
  /// for a task without a head.
  static TaskModel random(const SynthOptions& synth, const EngineOptions& engine = {});

  TaskModel(TaskModel&&) noexcept;
  TaskModel& operator=(TaskModel&&) noexcept;
  TaskModel(const TaskModel&) = delete;
  TaskModel& operator=(const TaskModel&) = delete;
  ~TaskModel();

  const Inspection& inspection() const;
  EngineStats stats() const;
  Task task() const;
  /// Throws InvalidArgument for a model of another task.
  void expect_task(Task task) const;
  /// Keypoints, classes, or channels of the head.
  Index outputs() const;
  /// True where the flip test can be run: it is known which points are mirror partners.
  bool can_flip_test() const;
  /// The size in pixels that images, or persons, are resized to.
  Grid input_size() const;

  /// What the keypoints are called and how they are drawn: as training wrote it into the file,
  /// else the published set of that many points. Null where nobody has named them, and for other
  /// tasks. Lives as long as the model, wherever that is moved.
  const KeypointSet* keypoint_set() const;
  /// The same for classes.
  const SegClassSet* seg_classes() const;
  /// The names alone, in the order of the outputs; empty where the sets are null.
  std::vector<std::string> output_names() const;

  /// From an image to its results. Of pose one per box in `persons`, computed one after the other
  /// so that a crowd needs no more memory than one person; without boxes, one of a person who fills
  /// the image. Of the other tasks one result; they throw InvalidArgument for boxes. Throws
  /// InvalidArgument for boxes outside of the image.
  TaskRun run(const Image& image, std::span<const Box> persons = {},
              const RunOptions& options = {});

  // The same in two steps, for programs that read ahead and work in batches.

  /// Other threads may prepare while the model computes. Of pose the person is cut out of the
  /// image, one who fills it where there is no `person`. For other tasks the image is resized. Lite
  /// takes the rounded constants of the original's lite scripts, and segmentation and normals are
  /// then enlarged in one step instead of two.
  PreparedImage prepare(const Image& image, const std::optional<Box>& person = std::nullopt,
                        PreprocessMode mode = PreprocessMode::Full) const;

  /// All inputs go through the encoder together, read where they are; they may come from images of
  /// any sizes. Throws InvalidArgument for inputs that were prepared for another task,
  /// ShapeMismatch for inputs of several sizes.
  TaskRun run(std::span<const TaskInput> inputs, const RunOptions& options = {});

 private:
  struct Impl;
  explicit TaskModel(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sapiens

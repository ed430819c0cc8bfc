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

/// Options of `TaskModel::run`.
struct RunOptions {
  /// Pose only: also run the mirrored image and average, as for the published accuracy; takes twice
  /// the time. Has no effect if the mirror partners of the keypoints are unknown (see
  /// `can_flip_test`).
  bool flip_test = true;
  /// How `run` preprocesses an image. Not used for inputs that are already prepared.
  PreprocessMode mode = PreprocessMode::Full;
  Progress progress = {};  ///< Called after every block.
  StopCheck check = {};    ///< Called more often, also in heads and postprocessing.
};

/// A preprocessed image, or crop of a person, as input of the network. Does not own the pixels,
/// which must outlive it; they usually belong to a PreparedImage.
struct TaskInput {
  TensorView<const float, 3> pixels = {};      ///< [3, H, W], normalised.
  Index width = 0, height = 0;                 ///< Size of the original image in pixels.
  std::optional<Box> person = {};              ///< The cropped person; empty for the entire image.
  PreprocessMode mode = PreprocessMode::Full;  ///< How the pixels were preprocessed.
};

/// A TaskInput that owns its pixels. Created by `TaskModel::prepare`.
struct PreparedImage {
  FloatArray pixels = {};                      ///< [3, H, W], normalised.
  Index width = 0, height = 0;                 ///< Size of the original image in pixels.
  std::optional<Box> person = {};              ///< The cropped person; empty for the entire image.
  PreprocessMode mode = PreprocessMode::Full;  ///< How the pixels were preprocessed.

  /// A view of this object, valid until it is changed, moved or destroyed.
  operator TaskInput() const& {
    return {.pixels = pixels.view<3>(),
            .width = width,
            .height = height,
            .person = person,
            .mode = mode};
  }
  operator TaskInput() const&& = delete;
};

/// The results of `TaskModel::run`.
struct TaskRun {
  std::vector<Result> results = {};  ///< One per input, in the same order.
  RunStats stats = {};               ///< Durations of this run.
};

/// The results of a run as the type of its task: `results_as<Pose>(model.run(image, boxes))`.
/// Throws std::bad_variant_access for a run of another task, which `expect_task` and
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

/// What decoding the output of a head depends on, beside the output.
struct DecodeOptions {
  Grid input = {};                             ///< Size in pixels of the input that it is for.
  Grid image = {};                             ///< Size in pixels of the original image.
  std::optional<Box> person = {};              ///< Pose: the cropped person; empty: the image.
  PreprocessMode mode = PreprocessMode::Full;  ///< How the image was preprocessed.
  int threads = 1;                             ///< 0: one per CPU. Does not affect the result.
};

/// Makes the result of the output of a head that was computed elsewhere, such as in PyTorch: what
/// `TaskModel::run` would return for this output, bit for bit. `output` is [channels, rows,
/// columns]: heatmaps, logits, depths or normals before any decoding. For flip testing the caller
/// averages heatmaps first. Values that are not finite are not looked for.
///
/// Throws `Error`: InvalidArgument for a task without a head, sizes of no pixels or more than 2^28,
/// an invalid box, and a box for another task than pose; ShapeMismatch for an empty output, or
/// channels that the task does not have.
Result decode_output(Task task, TensorView<const float, 3> output, const DecodeOptions& options);

/// Names of the keypoints or classes of a file with a head, in their order, without reading
/// weights; empty where they are unknown, and for other tasks. Throws what TaskModel throws for a
/// file without such a model.
std::vector<std::string> output_names(const Checkpoint& checkpoint,
                                      const ModelOptions& options = {});

/// A network with a task head. Calls of `run` on one model must not overlap (see SharedModel);
/// `const` methods may be called from other threads meanwhile. Two models are independent. After a
/// move, the source may only be assigned to or destroyed.
///
/// The task of the checkpoint determines the type of the results: `Pose` for Task::Pose,
/// `Segmentation` for Task::Seg, `DepthMap` for Task::Depth, `NormalMap` for Task::Normal.
///
///   TaskModel model(Checkpoint::open("seg.pth"), {.expected_task = Task::Seg});
///   auto seg = result_as<Segmentation>(model.run(Image::read("photo.jpg")));
class TaskModel {
 public:
  /// Loads the weights; `checkpoint` may be destroyed afterwards. Throws like the constructor of
  /// Encoder; also CheckpointRefused for a file without a head, with an incomplete head, or with a
  /// head for a task other than `model.expected_task`.
  explicit TaskModel(const Checkpoint& checkpoint, const ModelOptions& model = {},
                     const EngineOptions& engine = {});

  /// Creates a model with random weights in memory, for benchmarks. Throws `Error(InvalidArgument)`
  /// for a task without a head.
  static TaskModel random(const SynthOptions& synth, const EngineOptions& engine = {});

  TaskModel(TaskModel&&) noexcept;
  TaskModel& operator=(TaskModel&&) noexcept;
  TaskModel(const TaskModel&) = delete;
  TaskModel& operator=(const TaskModel&) = delete;
  ~TaskModel();

  /// The report of the checkpoint. Lives as long as this model.
  const Inspection& inspection() const;
  /// Threads, instruction set, precision and memory.
  EngineStats stats() const;
  /// The task of the head.
  Task task() const;
  /// Throws `Error(InvalidArgument)` unless the model is for `task`.
  void expect_task(Task task) const;
  /// Number of keypoints, classes or channels that the head computes.
  Index outputs() const;
  /// True if the mirror partners of the keypoints are known, from the file or from a published set.
  bool can_flip_test() const;
  /// The size in pixels that images, or crops of persons, are resized to.
  Grid input_size() const;

  /// Names, colours and links of the keypoints: those that training stored in the file, otherwise
  /// those of the published set with the same number of keypoints. Null if neither exists, and for
  /// other tasks. Lives as long as the model, also after a move.
  const KeypointSet* keypoint_set() const;
  /// The same for the classes of a segmentation model.
  const SegClassSet* seg_classes() const;
  /// Names of the keypoints or classes, in the order of the outputs; empty if they are unknown.
  std::vector<std::string> output_names() const;

  /// Preprocesses an image and runs the model on it.
  ///
  /// Pose: returns one result per box in `persons`, or one for the entire image if there are no
  /// boxes. Persons are computed one after the other, so that memory does not depend on their
  /// number. Other tasks: returns one result; `persons` must be empty.
  ///
  /// Throws `Error(InvalidArgument)` for invalid boxes (see `expect_boxes_in`) and for an image
  /// whose buffer does not match its size.
  TaskRun run(const Image& image, std::span<const Box> persons = {},
              const RunOptions& options = {});

  // The same in two steps, for programs that compute batches and preprocess on other threads.

  /// Preprocesses an image; may be called from other threads while the model computes. For pose,
  /// crops `person`, or the entire image if it is empty; for other tasks, resizes the image. With
  /// Lite, segmentation and normals are later resized to the image in one step instead of two, as
  /// in the original's lite scripts.
  PreparedImage prepare(const Image& image, const std::optional<Box>& person = std::nullopt,
                        PreprocessMode mode = PreprocessMode::Full) const;

  /// Runs the model on a batch of prepared inputs, whose original images may differ in size. The
  /// pixels are not copied. Throws `Error`: InvalidArgument for inputs that were prepared for
  /// another task, ShapeMismatch for inputs of different sizes.
  TaskRun run(std::span<const TaskInput> inputs, const RunOptions& options = {});

 private:
  struct Impl;
  explicit TaskModel(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sapiens

#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sapiens/checkpoint.hpp"
#include "sapiens/features.hpp"
#include "sapiens/image.hpp"
#include "sapiens/labels.hpp"
#include "sapiens/results.hpp"

namespace sapiens {

struct PoseOptions {
  /// Also run the mirrored image and average, as in the published figures: twice the time. Left
  /// out where nothing says which points are mirror partners: neither the file nor a published set.
  bool flip_test = true;
  Progress progress = {};  ///< Told after every block; may throw to stop.
  StopCheck check = {};    ///< Called within blocks, heads and what follows them, too.
};

/// What a network is given of an image, or of one person in it. Made by `TaskModel::prepare`.
struct TaskInput {
  FloatArray pixels = {};          ///< [3, H, W], normalised.
  Index width = 0, height = 0;     ///< Of the image.
  std::optional<Box> person = {};  ///< What was cut out; empty for the whole image.
  PreprocessMode mode = PreprocessMode::Full;
};

/// A network with a task head. One call at a time; two models in one process share nothing.
///
/// It is for the one task of its checkpoint; the methods of the others throw Error(InvalidArgument)
/// that says what the file holds.
class TaskModel {
 public:
  /// Throws as Encoder's constructor does, and CheckpointRefused for a file without a head
  /// or with a head that is not complete.
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
  /// "pose", "seg", "depth" or "normal".
  std::string_view task() const;
  /// Keypoints, classes, or channels of the head.
  Index outputs() const;
  /// True where `pose` can run the flip test: it is known which points are mirror partners.
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

  // From an image to its result.

  /// Keypoints of the person in each box; without boxes, of one person who fills the image.
  std::vector<Pose> pose(const Image& image, std::span<const Box> boxes = {},
                         const PoseOptions& options = {});
  /// The most likely class of every pixel; 0 is the background.
  Segmentation segment(const Image& image, const Progress& progress = {});
  /// Relative depth [H, W] of every pixel, larger is farther; about 0 to 1 on the person,
  /// meaningless on the background.
  FloatArray depth(const Image& image, const Progress& progress = {});
  /// Unit vectors [H, W, 3]; x is the horizontal component.
  FloatArray normals(const Image& image, const Progress& progress = {});

  // The same in two steps, for programs that read ahead and work in batches. All inputs of a call
  // go through the encoder together; they may come from images of any sizes.

  /// Other threads may prepare while the model computes. Without `person` the image is resized,
  /// as segmentation, depth and normals take it; with, the person is cut out, as pose takes it.
  /// Lite takes the rounded constants of the original's lite scripts, and segmentation and normals
  /// are then enlarged in one step instead of two.
  TaskInput prepare(const Image& image, const std::optional<Box>& person = std::nullopt,
                    PreprocessMode mode = PreprocessMode::Full) const;

  /// One result per input, in their order. Throw InvalidArgument for inputs that were prepared
  /// otherwise, ShapeMismatch for inputs of several sizes.
  std::vector<Pose> pose(std::span<const TaskInput> persons, const PoseOptions& options = {});
  std::vector<Segmentation> segment(std::span<const TaskInput> images,
                                    const Progress& progress = {}, const StopCheck& check = {});
  std::vector<FloatArray> depth(std::span<const TaskInput> images, const Progress& progress = {},
                                const StopCheck& check = {});
  std::vector<FloatArray> normals(std::span<const TaskInput> images, const Progress& progress = {},
                                  const StopCheck& check = {});

 private:
  struct Impl;
  explicit TaskModel(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sapiens

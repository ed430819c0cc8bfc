#pragma once

#include <memory>
#include <sapiens/features.hpp>
#include <sapiens/image.hpp>
#include <sapiens/labels.hpp>
#include <sapiens/results.hpp>
#include <sapiens/tasks.hpp>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "serve/options.hpp"
#include "serve/person_finder.hpp"

namespace sapiens::serve {

/// How a network is run. Images that agree in all this, and in their size, are run together.
struct RunSettings {
  OutType out_type = OutType::Featmap;
  Index layer = 0;
  bool norm = false;
  bool flip_test = true;
  PreprocessMode preprocess = PreprocessMode::Full;

  friend bool operator==(const RunSettings&, const RunSettings&) = default;
};

/// One request's inputs: those of one image or person. Several persons stay boxes, or are not
/// even found, until their turn comes, so that a crowd that waits needs no more memory than its
/// image.
struct Prepared {
  std::vector<PreparedImage> inputs = {};
  std::shared_ptr<const Image> crowd = {};  ///< Set instead of inputs.
  std::vector<Box> persons = {};            ///< Of the crowd; empty where they are to be found.
  RunSettings settings = {};
};

/// What came out for one request; one of these, by the task.
struct Result {
  FloatArray array = {};  ///< Features, depth, normals.
  Segmentation segmentation = {};
  std::vector<Pose> poses = {};
};

/// What one pass found.
struct ServedRun {
  std::vector<Result> results = {};  ///< One per request.
  StageTimes stages = {};            ///< Of the whole pass.
  double detect = 0;                 ///< Seconds of finding persons; 0 where none were looked for.
};

/// A loaded network.
class ServedModel {
 public:
  explicit ServedModel(Inspection inspection) : inspection_(std::move(inspection)) {}
  virtual ~ServedModel() = default;
  ServedModel(const ServedModel&) = delete;
  ServedModel& operator=(const ServedModel&) = delete;

  /// Of the whole file, as `sapiens inspect` tells it.
  const Inspection& inspection() const { return inspection_; }

  virtual std::string_view task() const = 0;  ///< "features", "pose", "seg", "depth" or "normal".
  /// Not while it runs.
  virtual EngineStats stats() const = 0;
  virtual Grid input_size() const = 0;

  /// Any thread, at any time. Without `persons` the image's are found by `run`, or there is one
  /// that fills it. Throws `Error` for an image or settings that do not fit, and what `check`
  /// throws.
  virtual Prepared prepare(const std::shared_ptr<const Image>& image, std::span<const Box> persons,
                           const RunSettings& settings, const StopCheck& check) const = 0;

  /// One result for each of `requests`, whose settings agree and which are one where there is a
  /// crowd; at most `together` inputs go through the network at once. One call at a time.
  virtual ServedRun run(std::span<const Prepared* const> requests, Index together,
                        const StopCheck& check) = 0;

  virtual const KeypointSet* keypoint_set() const { return nullptr; }
  virtual const SegClassSet* seg_classes() const { return nullptr; }
  virtual Index outputs() const { return 0; }

 private:
  const Inspection inspection_;
};

/// Loads a checkpoint as what it is: a task where it has a head, else features. `finder`, which may
/// be null, is used by `run`. Throws `Error` as their classes do.
std::unique_ptr<ServedModel> load_model(const NamedCheckpoint& file, const EngineOptions& engine,
                                        PersonFinder* finder);

}  // namespace sapiens::serve

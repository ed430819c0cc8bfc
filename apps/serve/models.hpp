#pragma once

#include <memory>
#include <optional>
#include <sapiens/detector.hpp>
#include <sapiens/features.hpp>
#include <sapiens/image.hpp>
#include <sapiens/results.hpp>
#include <sapiens/tasks.hpp>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "documents/json.hpp"
#include "serve/options.hpp"

namespace sapiens::serve {

/// How a network is run. Images that agree in all this, and in their size, are run together.
struct RunSettings {
  std::vector<OutType> out_types = {OutType::Featmap};
  Index layer = 0;
  bool norm = false;
  bool flip_test = true;
  PreprocessMode preprocess = PreprocessMode::Full;

  friend bool operator==(const RunSettings&, const RunSettings&) = default;
};

/// One request's input: that of one image or person. Several persons stay boxes, or are not even
/// found, until their turn comes, so that a crowd that waits needs no more memory than its image.
struct Prepared {
  PreparedImage input = {};
  std::shared_ptr<const Image> crowd = {};  ///< Set instead of the input.
  std::vector<Box> persons = {};            ///< Of the crowd; empty where they are to be found.
  RunSettings settings = {};
};

/// The features of one image, without the axis of the batch: one entry per form.
using ImageFeatures = std::vector<LayerFeatures>;

/// The output for one request: features, the poses of all persons, or the result of another task.
using Output = std::variant<ImageFeatures, std::vector<Pose>, Result>;

/// What one pass found.
struct ServedRun {
  std::vector<Output> outputs = {};  ///< One per request.
  StageTimes stages = {};            ///< Of the whole pass.
  double detect = 0;                 ///< Seconds of finding persons; 0 where none were looked for.
};

/// A loaded network: a task where the checkpoint has a head, else an encoder for features.
class ServedModel {
 public:
  /// `detector`, which may be null and is borrowed, finds persons with `options.detect`. Throws
  /// `Error` as Encoder and TaskModel do.
  ServedModel(const NamedCheckpoint& file, const ServerOptions& options, PersonDetector* detector);
  ServedModel(const ServedModel&) = delete;
  ServedModel& operator=(const ServedModel&) = delete;
  ~ServedModel() = default;

  /// Of the whole file, as `sapiens inspect` tells it.
  const Inspection& inspection() const { return inspection_; }
  /// Null for a network that gives features.
  const TaskModel* head() const { return std::get_if<TaskModel>(&network_); }
  /// Nothing for a network that gives features.
  std::optional<Task> task() const;
  /// Not while it runs.
  EngineStats stats() const;
  Grid input_size() const;

  /// Any thread, at any time. Without `persons` the image's are found by `run`, or there is one
  /// that fills it. Throws `Error` for an image or settings that do not fit, and what `check`
  /// throws.
  Prepared prepare(const std::shared_ptr<const Image>& image, std::span<const Box> persons,
                   const RunSettings& settings, const StopCheck& check) const;

  /// One output for each of `requests`, whose settings agree and which are one where there is a
  /// crowd; at most `together` inputs go through the network at once. One call at a time, of all
  /// models that share a detector.
  ServedRun run(std::span<const Prepared* const> requests, Index together, const StopCheck& check);

 private:
  ServedRun run_crowd(TaskModel& model, const Prepared& request, Index together,
                      const StopCheck& check);

  const Inspection inspection_;
  std::variant<Encoder, TaskModel> network_;
  PersonDetector* const detector_;
  const DetectOptions detect_;
};

/// The networks of a server, by name.
class Models {
 public:
  /// Loads all of them. Throws `Error` as ServedModel and PersonDetector do, and InvalidArgument
  /// for no models, names that cannot be names, names that occur twice, and a detector that nobody
  /// needs.
  explicit Models(const ServerOptions& options);

  struct Entry {
    std::string name;
    std::unique_ptr<ServedModel> model;
  };

  const std::vector<Entry>& all() const { return entries_; }
  /// Null where there is none.
  const PersonDetector* detector() const { return detector_.get(); }

  /// The model for a request; without a name the only one that does `task`, or gives features
  /// where there is no task. Throws HttpError: 404
  /// for unknown names, 422 for a model that does something else, 400 where a name is needed.
  const Entry& choose(std::string_view name, std::optional<Task> task) const;

  /// `{"models": [{name, task, path, input_size, precision, report, classes}], "detector":
  /// {precision, report}}`
  const documents::Json& json() const { return json_; }

 private:
  std::unique_ptr<PersonDetector> detector_;
  std::vector<Entry> entries_;
  documents::Json json_;  // made before anything runs, as statistics are not read meanwhile
};

}  // namespace sapiens::serve

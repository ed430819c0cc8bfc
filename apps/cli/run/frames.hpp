#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <sapiens/image.hpp>
#include <sapiens/results.hpp>
#include <sapiens/tasks.hpp>
#include <span>
#include <string_view>
#include <variant>
#include <vector>

#include "cli/input/archive_inputs.hpp"
#include "cli/input/coco_files.hpp"
#include "cli/options/task_options.hpp"
#include "cli/run/runner.hpp"
#include "cli/run/task_models.hpp"
#include "cli/run/video_source.hpp"

// Images and frames of videos through the networks of one or several tasks.
namespace sapiens::cli {

/// One image, or one frame of a video, on its way through a run, with the results found so far.
struct Frame : RunItem {
  std::optional<VideoPlace> place = {};
  /// The whole image, once for every size that is needed; gone once everything is computed.
  std::vector<PreparedImage> inputs = {};

  std::optional<std::vector<Box>> boxes = {};  ///< Of persons; none yet where a detector is to run.
  Index boxes_outside = 0;                     ///< Left out: no part of them is in the image.
  bool is_unlisted = false;                    ///< No entry of --boxes is about the image.
  std::vector<Index> ids = {};                 ///< Of persons in a video, one per box.
  std::vector<std::uint8_t> mask = {};         ///< Empty for all pixels.

  std::vector<Pose> poses = {};     ///< One per box.
  std::vector<Result> others = {};  ///< Of the other tasks of the run, one each.

  /// The whole image in one size; null where it is not among the inputs.
  const PreparedImage* input_of(Grid size) const;
  /// The result of the task that finds a `Found`, which must be one of the run.
  template <typename Found>
  const Result& result() const {
    const auto is_found = [](const Result& result) {
      return std::holds_alternative<Found>(result);
    };
    return *std::ranges::find_if(others, is_found);
  }
  template <typename Found>
  const Found& found() const {
    return std::get<Found>(result<Found>());
  }
};

/// Who takes part in the run of one or several tasks.
struct TaskContext : RunContext {
  TaskModels& models;
  const TaskOptions& options;
  const std::optional<PersonBoxes>& boxes;  ///< Of --boxes.
  const Json& pose_meta;                    ///< What keypoints are, to write into documents.
};

// frame_input.cpp

/// Reads the image of `job` and prepares it.
Frame read_frame(const TaskContext& context, const Job& job, InputReader& reader);

/// Fills in what can be known of a frame before anything is computed: boxes from the command line,
/// the mask of a folder, the input of the networks.
void prepare_frame(const TaskContext& context, const Job& job, Frame& frame);

// frame_compute.cpp

/// Runs all networks of a run on frames without an error: the detector, segmentation, depth and
/// normals, pose. What is wrong with one of them becomes its error; anything else, and what
/// `progress` throws, is thrown.
void compute_frames(const TaskContext& context, std::span<Frame> frames, const Progress& progress);

// frame_output.cpp

/// One kind of file that results become.
struct TaskFile {
  Task task;
  std::string_view suffix;  ///< Behind the name: "_seg.npy".
  std::string_view holds;   ///< "class ids"
  std::string_view type;    ///< Of its numbers: "int64"; empty for documents.
  std::string_view format;  ///< Written where --format has it; empty: always.
  void (*write)(const TaskContext& context, const Frame& frame, const std::filesystem::path& path);
};

/// The files of a run, in the order of its tasks.
std::vector<const TaskFile*> task_files(const TaskOptions& options);

/// What --format may choose among for `task`, or for all tasks.
std::vector<std::string> task_formats(std::optional<Task> task = {});

/// What the command for a task tells about itself.
struct TaskHelp {
  const char* command;
  const char* viz;
  const char* footer;
};

/// What else the program does with the results of one task. A table in the .cpp lists all.
struct TaskOutput {
  Task task;
  TaskHelp help;
  bool is_masked;  ///< Drawn under the mask of a segmentation.
  /// The image that --viz draws.
  Image (*draw)(const TaskContext& context, const Frame& frame);
  /// The shape of the result: persons and points, height and width.
  std::vector<Index> (*shape)(const TaskContext& context, const Frame& frame);
  /// What the numbers mean, as the record of a run says it.
  Json (*conventions)(const TaskModel& model);
};

const TaskOutput& output_of(Task task);

/// `name` in the output folder; `sapiens run` has a folder for every task.
std::filesystem::path result_path(const TaskOptions& options, Task task,
                                  const std::filesystem::path& name, std::string_view suffix);

/// What the results of a frame are called, below the output folder: "photo", or "clip/000012".
std::filesystem::path frame_name(const Job& job, const std::optional<VideoPlace>& place);

/// Writes the files of `frame`, whose job is `job`; without what --viz draws.
void write_frame(const TaskContext& context, const Job& job, const Frame& frame);

/// The seconds of the stages as --json lists them, including the detector if there is one.
Json stages_json(const TaskContext& context, const StageSeconds& seconds);

// task_run.cpp

/// Fills in what follows from what was given: the tasks, where masks come from, whether anything
/// needs them. Throws InvalidArgument for options that do not go together.
void resolve_task_options(TaskOptions& options);

/// The files that each input becomes.
std::vector<Job> make_task_jobs(const TaskOptions& options, const std::vector<InputFile>& files);

/// Works through the jobs of a plan: images first, then one video after the other; results in the
/// order of `jobs`.
std::vector<JobResult> run_tasks(TaskModels& models, const TaskOptions& options,
                                 const std::optional<PersonBoxes>& boxes, const Json& pose_meta,
                                 Interrupts& interrupts, std::span<const Job> jobs);

/// The file of --coco.
std::filesystem::path coco_path(const TaskOptions& options);

// video_run.cpp

/// Works through one video or camera, frame by frame; decoding, computing and encoding overlap.
/// `job.files` are one document that says what the frames are, written when all are there;
/// `job.images` one video per task.
///
/// Ctrl-C ends the videos that are written where they are, and then the program.
JobResult run_video(const TaskContext& context, const Job& job);

// coco_file.cpp

/// Writes the persons of all images as one COCO keypoint document, {annotations, images,
/// categories}. They are read back from the images' own documents, `files.front()` of each job,
/// so that those that an earlier run has finished are among them. Jobs without a document are left
/// out. `meta` says what the points are. Returns how many jobs had one. Throws CorruptFile for a
/// document that was changed meanwhile.
Index write_coco(const std::filesystem::path& path, std::span<const Job* const> jobs,
                 const Json& meta);

}  // namespace sapiens::cli

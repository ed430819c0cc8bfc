#pragma once

#include <optional>
#include <sapiens/detector.hpp>
#include <sapiens/draw.hpp>
#include <sapiens/results.hpp>
#include <set>
#include <string>
#include <vector>

#include "cli/input/coco_tally.hpp"
#include "cli/options/options.hpp"

namespace sapiens::cli {

/// A checkpoint, and what it is to do.
struct TaskCheckpoint {
  Task task = Task::Pose;
  std::string path;
  std::string prefix = {};  ///< Of the model in the file; empty: the only one.
};

/// Which frames of a video are worked on.
struct VideoOptions {
  Index every = 1;
  double start = 0;        ///< Seconds.
  double end = -1;         ///< Seconds; negative: to the end.
  double folder_rate = 0;  ///< Frames per second of a folder taken for a video; 0: it is not.
  Index detect_every = 1;  ///< The detector runs on one of this many frames.
};

/// The command line of `sapiens pose`, `seg`, `depth`, `normal` and `run`.
struct TaskOptions : JobOptions {
  std::optional<Task> only;           ///< What the command is for; empty: `run`.
  std::vector<TaskCheckpoint> tasks;  ///< What to write: one, or for `run` several.
  std::string seg_checkpoint;         ///< For masks alone; nothing of it is written.
  std::string mask;                   ///< "auto", "none" or a folder; empty: auto where it can be.
  PreprocessMode preprocess = PreprocessMode::Full;
  Index batch = 1;
  std::set<std::string> formats = {"npy"};

  std::string detector;  ///< Checkpoint that finds persons.
  DetectOptions detect;
  std::vector<Box> boxes;          ///< Persons in every image.
  std::string boxes_file;          ///< Persons in each image.
  PersonCategory person_category;  ///< Of `boxes_file`.
  bool flip_test = true;
  std::string keypoints;  ///< Layout to convert keypoints to; empty: the model's own.
  bool coco = false;      ///< Also one file of all persons.

  PoseDrawing pose_drawing;
  SegDrawing seg_drawing;
  VideoOptions video;

  std::string command() const { return std::string(only ? task_name(*only) : "run"); }
};

// The options of the commands that run tasks, in groups.

/// --box, --boxes, --person-category, --detector and so on, --no-flip-test, --keypoints, --coco,
/// and how to draw.
void add_pose_options(CLI::App& app, TaskOptions& options);
/// The option `name`, which chooses `category`.
CLI::Option* add_person_category_option(CLI::App& app, const std::string& name,
                                        PersonCategory& category, const std::string& help);
/// --no-flip-test.
void add_flip_test_flag(CLI::App& app, TaskOptions& options);
/// --opacity, --no-labels.
void add_seg_options(CLI::App& app, TaskOptions& options);
/// --mask, --seg-checkpoint.
void add_mask_options(CLI::App& app, TaskOptions& options);
/// --format, of those that are `known`.
void add_format_option(CLI::App& app, TaskOptions& options, const std::vector<std::string>& known);
/// --preprocess, --batch.
void add_task_run_options(CLI::App& app, TaskOptions& options);
/// --frames, --every, --start, --end.
void add_video_options(CLI::App& app, VideoOptions& video);

}  // namespace sapiens::cli

#pragma once

#include <string>
#include <vector>

#include "cli/options/options.hpp"
#include "cli/options/task_options.hpp"

namespace sapiens::cli {

// The options of the commands that run tasks, in groups.

/// --box, --boxes, --person-category, --detector and so on, --no-flip-test, --keypoints, --coco,
/// and how to draw.
void add_pose_options(CLI::App& app, TaskOptions& options);
/// --detector, whose path `checkpoint` becomes and which is returned, --bbox-thr, --nms-thr.
CLI::Option* add_detector_options(CLI::App& app, std::string& checkpoint, DetectOptions& options,
                                  const std::string& help);
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
void add_video_options(CLI::App& app, TaskOptions& options);

}  // namespace sapiens::cli

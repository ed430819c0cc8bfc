#include "cli/options/task_options.hpp"

#include <sapiens/boxes.hpp>
#include <sapiens/keypoint_layout.hpp>

#include "cli/input/coco_files.hpp"

namespace sapiens::cli {
namespace {

void add_box_options(CLI::App& app, TaskOptions& options) {
  CLI::Option* box =
      app.add_option_function<std::vector<std::string>>(
             "--box",
             [&options](const std::vector<std::string>& texts) {
               for (const std::string& text : texts) {
                 const std::optional<Box> parsed = parse_box(text);
                 if (!parsed) {
                   throw CLI::ValidationError("--box", "`" + text + "` is not X,Y,WIDTH,HEIGHT");
                 }
                 if (looks_normalized(*parsed)) {
                   throw CLI::ValidationError(
                       "--box", "`" + text + "` lies between 0 and 1: " + kSharesHint);
                 }
                 options.boxes.push_back(*parsed);
               }
             },
             "A person in every image, in pixels; give it once per person")
          ->type_name("X,Y,W,H")
          ->allow_extra_args(false);
  CLI::Option* file =
      app.add_option("--boxes", options.boxes_file,
                     "COCO-style JSON with the persons of each image: a list of {file_name or "
                     "image_id, bbox: [x, y, w, h], score}, or {images, annotations}")
          ->type_name(kFileType)
          ->excludes(box);
  add_person_category_option(app, "--person-category", options.person_category,
                             "Which category_id of --boxes persons have")
      ->needs(file);
  CLI::Option* detector =
      add_detector_options(app, options.detector, options.detect,
                           "Checkpoint of a person detector (RTMDet-m); without it and without "
                           "boxes one person fills the image")
          ->excludes(box)
          ->excludes(file);
  add_number(app, "--detect-every", options.video.detect_every, {1, 1'000'000},
             "In videos: run the detector on every so many frames and follow persons between")
      ->needs(detector);
}

}  // namespace

CLI::Option* add_person_category_option(CLI::App& app, const std::string& name,
                                        PersonCategory& category, const std::string& help) {
  return app
      .add_option_function<std::string>(
          name,
          [&category](const std::string& text) {
            category.id = id_text(text);
            category.chosen = true;
          },
          help)
      ->type_name("ID")
      ->default_str(category.id);
}

void add_flip_test_flag(CLI::App& app, TaskOptions& options) {
  app.add_flag("!--no-flip-test", options.flip_test,
               "Do not average with the mirrored image: twice as fast, a little less exact");
}

void add_pose_options(CLI::App& app, TaskOptions& options) {
  add_box_options(app, options);
  add_flip_test_flag(app, options);
  const auto layouts = keypoint_layouts();
  app.add_option("--keypoints", options.keypoints,
                 "Convert to the points of another layout, by their names")
      ->check(CLI::IsMember(std::vector<std::string>(layouts.begin(), layouts.end())));
  app.add_flag("--coco", options.coco,
               "Also write all persons of the run as one COCO keypoint file");
  app.add_option("--kpt-thr", options.pose_drawing.min_score, "Least score of points drawn")
      ->capture_default_str();
  add_number(app, "--radius", options.pose_drawing.radius, {0.0, 1000.0},
             "Of points drawn, in pixels; 0: grows with the person");
  add_number(app, "--thickness", options.pose_drawing.thickness, {0.0, 1000.0},
             "Of links drawn, in pixels; 0: grows with the person");
  app.add_flag("--draw-bbox", options.pose_drawing.boxes, "Also draw the persons' boxes");
}

void add_seg_options(CLI::App& app, TaskOptions& options) {
  add_number(app, "--opacity", options.seg_drawing.opacity, {0.0, 1.0}, "Of the colours drawn");
  app.add_flag("!--no-labels", options.seg_drawing.labels, "Draw no names into the regions");
}

void add_mask_options(CLI::App& app, TaskOptions& options) {
  app.add_option("--mask", options.mask,
                 "What to draw of depth and normals: `auto`, what the segmentation of this run "
                 "finds; `none`, everything; or a folder with the bool .npy masks of `sapiens seg`")
      ->type_name("auto|none|DIR");
  takes_checkpoint(app.add_option("--seg-checkpoint", options.seg_checkpoint,
                                  "Checkpoint whose segmentation gives the masks"));
}

void add_format_option(CLI::App& app, TaskOptions& options, const std::vector<std::string>& known) {
  app.add_option_function<std::vector<std::string>>(
         "--format",
         [&options](const std::vector<std::string>& formats) {
           options.formats = {formats.begin(), formats.end()};
         },
         "Files to write: npy; png (class ids with a palette, depth in 16 bits); exr (depth and "
         "normals)")
      ->delimiter(',')
      ->check(CLI::IsMember(known))
      ->type_name("LIST")
      ->default_str("npy");
}

void add_task_run_options(CLI::App& app, TaskOptions& options) {
  add_batch_options(app, options.preprocess, options.batch,
                    "constants, enlarging and no flip test as in the original's lite scripts",
                    "Images, or persons, per forward pass; their sizes may differ");
}

void add_video_options(CLI::App& app, VideoOptions& video) {
  app.add_option("--frames", video.folder_rate,
                 "Take each folder for a video: its images, sorted, so many per second")
      ->check(number_between(0.001, 1000.0))
      ->type_name("FPS");
  add_number(app, "--every", video.every, {1, 1'000'000'000},
             "In videos: work on every so many frames");
  app.add_option("--start", video.start, "In videos: seconds to leave out at the beginning")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--end", video.end, "In videos: stop at so many seconds from the start")
      ->check(CLI::NonNegativeNumber);
}

}  // namespace sapiens::cli

#include <algorithm>
#include <memory>
#include <optional>
#include <sapiens/boxes.hpp>
#include <utility>

#include "cli/eval/eval.hpp"
#include "cli/run/jobs.hpp"
#include "cli/run/used_files.hpp"
#include "cli/terminal/messages.hpp"

namespace sapiens::cli {
namespace {

/// What became of the images of an evaluation.
struct EvalCounts {
  Index compared = 0, nothing_to_compare = 0, failed = 0;
  bool memory_ran_out = false;
  Index boxes_outside = 0;       ///< Of --boxes, outside of their image and left out.
  Index unlisted = 0;            ///< Images without an entry in --boxes.
  Index true_boxes_outside = 0;  ///< Of their image, and looked into nevertheless.
};

std::vector<Job> jobs_of(std::span<const EvalImage> images) {
  std::vector<Job> jobs;
  for (const EvalImage& image : images) {
    jobs.push_back({.input = image.input, .name = image.input.name});
  }
  return jobs;
}

std::vector<Box> true_boxes_of(const EvalImage& image) {
  std::vector<Box> boxes;
  for (const GroundTruthPerson& person : image.persons) {
    if (!has_true_box(person)) continue;
    boxes.push_back({.x = static_cast<float>(person.x),
                     .y = static_cast<float>(person.y),
                     .width = static_cast<float>(person.width),
                     .height = static_cast<float>(person.height)});
  }
  return boxes;
}

/// True for an error of one image: it, or what is true of it, is missing or odd.
bool is_about_a_file(const Error& error) {
  return is_about_the_input(error) || exit_code(error.code()) == kBadFile;
}

void compare(const EvalImage& image, const Frame& frame, Measure& measure, EvalCounts& counts) {
  counts.boxes_outside += frame.boxes_outside;
  counts.unlisted += frame.is_unlisted;
  counts.true_boxes_outside += std::ranges::count_if(
      true_boxes_of(image), [&](const Box& box) { return is_outside(box, frame.image); });
  ++(measure.add(image, frame) ? counts.compared : counts.nothing_to_compare);
}

/// A run whose sink is `measure`. With true boxes persons are looked for where they are.
EvalCounts compare_all(const TaskContext& context, const EvalPlan& plan, Measure& measure) {
  const std::vector<EvalImage>& images = plan.set.images;
  const std::vector<Job> jobs = jobs_of(images);
  const auto image_of = [&](const Job& job) -> const EvalImage& {
    return images[static_cast<std::size_t>(&job - jobs.data())];
  };
  EvalCounts counts;
  InputReader reader;
  const JobSteps<Frame> steps{
      .load =
          [&](const Job& job) {
            Frame frame = read_frame(context, job, reader);
            if (plan.true_boxes()) frame.boxes = true_boxes_of(image_of(job));
            return frame;
          },
      .compute = [&](std::span<Frame> frames,
                     const Progress& progress) { compute_frames(context, frames, progress); },
      .write =
          [&](const Job& job, Frame& frame, JobResult& result) {
            try {
              compare(image_of(job), frame, measure, counts);
            } catch (const Error& error) {
              if (!is_about_a_file(error)) throw;
              result.error = error;
            }
          }};
  const std::vector<JobResult> results = run_jobs(steps, jobs, context.options.batch, context);
  for (const JobResult& result : results) counts.failed += result.error.has_value();
  counts.memory_ran_out = memory_ran_out(results);
  return counts;
}

std::string boxes_text(const EvalOptions& options) {
  if (!options.run.detector.empty()) return "found by " + options.run.detector;
  if (options.boxes != "gt") return "in the boxes of " + options.boxes;
  return "in their true boxes (top-down: the faults of a detector are not counted)";
}

std::string truth_text(const EvalOptions& options, Task task) {
  return task == Task::Pose ? annotations_path(options).string() : options.data;
}

std::vector<InputFile> images_of(const EvalSet& set) {
  std::vector<InputFile> images;
  for (const EvalImage& image : set.images) images.push_back(image.input);
  return images;
}

std::unique_ptr<Measure> make_measure(const EvalPlan& plan, TaskModels& models) {
  if (plan.keypoints == 0) {
    return dense_measure(plan.options.run.tasks.front().task, models.all().front().outputs(),
                         models.classes());
  }
  return std::make_unique<PoseMeasure>(PoseMeasure::Settings{.keypoints = plan.keypoints,
                                                             .set = models.keypoints(),
                                                             .pck = plan.options.pck,
                                                             .true_boxes = plan.true_boxes()});
}

Json settings_json(const EvalPlan& plan, const TaskModels& models) {
  const TaskOptions& run = plan.options.run;
  Json settings = models.settings(run, run.tasks.front());
  if (plan.true_boxes()) settings["boxes"] = "as they are annotated";
  return settings;
}

/// With what became of the boxes that persons were looked for in.
Scores scores_of(const Measure& measure, const EvalCounts& counts, const EvalPlan& plan) {
  Scores scores = measure.scores();
  if (plan.keypoints == 0) {
    scores.left_out["files_of_ground_truth_without_an_image"] = plan.set.without_image;
  }
  if (plan.true_boxes())
    scores.counted["true_boxes_outside_of_their_image"] = counts.true_boxes_outside;
  if (plan.options.run.boxes_file.empty()) return scores;
  scores.left_out["boxes_outside_of_their_image"] = counts.boxes_outside;
  scores.left_out["images_without_an_entry_in_boxes"] = counts.unlisted;
  return scores;
}

}  // namespace

EvalReport evaluate_model(const EvalOptions& given, Session& session) {
  const EvalPlan plan = make_eval_plan(given);
  const TaskOptions& run = plan.options.run;
  std::optional<PersonBoxes> boxes;
  UsedFiles files_read = files_of(run);
  Json files = plan.files;
  if (!run.boxes_file.empty()) {
    boxes = PersonBoxes::read(run.boxes_file, images_of(plan.set), run.person_category);
    files["boxes"] = boxes->tally().json();
    warn_of(boxes->tally());
  }
  TaskModels models(run, std::move(files_read));
  const std::unique_ptr<Measure> measure = make_measure(plan, models);

  session.interrupts.set_exit_message({}, session.json);
  Meter meter("eval", std::ssize(plan.set.images), stderr_is_terminal());
  const Json no_meta;
  const TaskContext context{{session.interrupts, meter}, models, run, boxes, no_meta};
  const EvalCounts counts = compare_all(context, plan, *measure);
  return {.task = run.tasks.front().task,
          .what = checkpoint_text(run.checkpoint, models.all().front().inspection()),
          .settings = settings_json(plan, models),
          .truth = truth_text(plan.options, run.tasks.front().task),
          .boxes = plan.keypoints > 0 ? boxes_text(plan.options) : "",
          .images = counts.compared,
          .without_truth = plan.set.without_truth + counts.nothing_to_compare,
          .failed = counts.failed,
          .memory_ran_out = counts.memory_ran_out,
          .files = std::move(files),
          .scores = scores_of(*measure, counts, plan)};
}

EvalReport evaluate_detections(const EvalOptions& options) {
  if (options.run.model.task.value_or(Task::Pose) != Task::Pose) {
    throw Error(ErrorCode::InvalidArgument, {.summary = "found persons are for pose alone",
                                             .key = "--detections",
                                             .hint = "leave out --task"});
  }
  Annotations annotations = read_annotations(options);
  const UsedFiles files_read({options.detections});
  const Predictions found =
      Predictions::read(options.detections, annotations, found_category(options));
  files_read.require_unchanged();
  warn_of(found.tally);
  Json files = {{"annotations", annotations.tally.json()}, {"detections", found.tally.json()}};
  PoseMeasure measure({.keypoints = annotations.keypoints,
                       .set = find_keypoint_set(annotations.keypoints),
                       .pck = options.pck,
                       .true_boxes = false});
  const EvalSet set = pose_set(options, std::move(annotations));
  for (const EvalImage& image : set.images) {
    const auto persons = found.by_image.find(image.id);
    measure.add(image,
                persons == found.by_image.end() ? std::vector<PredictedPerson>{} : persons->second);
  }
  return {.task = Task::Pose,
          .what = options.detections,
          .settings = {{"detections", files_read.json(options.detections)}},
          .truth = truth_text(options, Task::Pose),
          .boxes = "as they were found",
          .images = std::ssize(set.images),
          .files = std::move(files),
          .scores = measure.scores()};
}

}  // namespace sapiens::cli

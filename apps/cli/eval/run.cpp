#include "cli/eval/run.hpp"

#include <algorithm>
#include <functional>
#include <optional>
#include <sapiens/boxes.hpp>
#include <utility>

#include "cli/run/frame_computer.hpp"
#include "cli/run/frame_reader.hpp"
#include "cli/run/pipeline.hpp"
#include "cli/terminal/exit_codes.hpp"

namespace sapiens::cli {
namespace {

using Frames = std::vector<Frame>;

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

/// Of one image: it, or what is true of it, is missing or odd.
bool is_about_a_file(const Error& error) {
  return is_about_the_input(error) || exit_code(error.code()) == kBadFile;
}

void compare(const TaskContext& context, const Job& job, const EvalImage& image, Frame frame,
             Measure& measure, EvalCounts& counts) {
  try {
    if (frame.error) throw Error(*frame.error);
    counts.boxes_outside += frame.boxes_outside;
    counts.unlisted += frame.is_unlisted;
    counts.true_boxes_outside += std::ranges::count_if(
        true_boxes_of(image), [&](const Box& box) { return is_outside(box, frame.image); });
    ++(measure.add(image, frame) ? counts.compared : counts.nothing_to_compare);
  } catch (const Error& error) {
    if (!is_about_a_file(error)) throw;
    context.report_failure(job, error);
    ++counts.failed;
  }
}

}  // namespace

EvalCounts run_eval(const TaskContext& context, std::span<const EvalImage> images, bool true_boxes,
                    Measure& measure) {
  const std::vector<Job> jobs = jobs_of(images);
  ImageReader reader(context, jobs);
  const FrameComputer computer(context);
  EvalCounts counts;

  Pipeline<Frames, Frames>({.read =
                                [&](const auto& is_cancelled) {
                                  std::optional<Frames> frames = reader.next(is_cancelled);
                                  if (!frames || !true_boxes) return frames;
                                  for (Frame& frame : *frames)
                                    frame.boxes = true_boxes_of(images[frame.job]);
                                  return frames;
                                },
                            .compute =
                                [&](Frames frames, const std::function<void()>& keep_going) {
                                  return computer.compute_images(std::move(frames), keep_going);
                                },
                            .write =
                                [&](Frames frames) {
                                  for (Frame& frame : frames) {
                                    const std::size_t number = frame.job;
                                    compare(context, jobs[number], images[number], std::move(frame),
                                            measure, counts);
                                  }
                                }})
      .run();
  return counts;
}

}  // namespace sapiens::cli

#include "cli/run/frame_writer.hpp"

#include <algorithm>
#include <utility>

#include "cli/run/outputs.hpp"
#include "cli/run/stopwatch.hpp"

namespace sapiens::cli {
namespace {

bool is_empty(std::span<const std::uint8_t> mask) {
  return !mask.empty() &&
         std::all_of(mask.begin(), mask.end(), [](std::uint8_t value) { return value == 0; });
}

}  // namespace

JobResult FrameWriter::write(Frame& frame) const {
  const Job& job = jobs_[frame.job];
  JobResult result;
  try {
    if (frame.error) throw Error(*frame.error);
    const Stopwatch watch;
    write_files(frame);
    frame.seconds.write = watch.seconds();
  } catch (const Error& error) {
    if (!frame.error && !is_about_the_input(error)) throw;
    context_.report_failure(job, error);
    return {.error = error};
  }
  result.shape = result_shape(context_, context_.options.tasks.front().task, frame);
  result.seconds = frame.seconds.sum();
  if (frame.boxes_outside > 0) result.details["boxes_outside"] = frame.boxes_outside;
  if (frame.is_unlisted) result.details["no_entry_in_boxes"] = true;
  result.details["stages"] = stages_json(frame.seconds, context_.models.detector() != nullptr);
  return result;
}

void FrameWriter::write_files(const Frame& frame) const {
  const Job& job = jobs_[frame.job];
  if (!job.images.empty() && is_empty(frame.mask)) {
    context_.warn(job, "nothing is under its mask: the drawing is empty");
  }
  if (context_.models.detector() && frame.boxes && frame.boxes->empty()) {
    context_.warn(job,
                  "the detector found no person in it; --bbox-thr may be lower, and without "
                  "--detector one person fills the image");
  }
  for (std::size_t i = 0; i < files_.size(); ++i) {
    create_parent(job.files[i].path);
    files_[i]->write(context_, frame, job.files[i].path);
  }
  for (std::size_t i = 0; i < job.images.size(); ++i) {
    create_parent(job.images[i]);
    draw_result(context_, context_.options.tasks[i].task, frame).write_png(job.images[i]);
  }
}

}  // namespace sapiens::cli

#include <fmt/format.h>

#include <algorithm>
#include <sapiens/boxes.hpp>
#include <sapiens/npy.hpp>
#include <string>
#include <utility>

#include "cli/run/frames.hpp"

namespace sapiens::cli {
namespace {

namespace fs = std::filesystem;

/// There are no pixels in such a box, so keypoints would mean nothing.
void leave_out_boxes_outside(const TaskContext& context, const Job& job, Frame& frame) {
  frame.boxes_outside = static_cast<Index>(
      std::erase_if(*frame.boxes, [&](const Box& box) { return is_outside(box, frame.image); }));
  if (frame.boxes_outside == 0) return;
  const std::string what = fmt::format("{} boxes of persons are outside of its {} x {} pixels",
                                       frame.boxes_outside, frame.image.width, frame.image.height);
  if (!frame.place) return context.warn(job, what + " and left out");
  // Once, and not for every frame: all have the same size.
  throw Error(ErrorCode::InvalidArgument,
              {.summary = what, .file = job.input.text(), .key = "--box"});
}

void take_boxes_of_file(const TaskContext& context, const Job& job, Frame& frame) {
  const ImageBoxes& given = context.boxes->of(job.input);
  const std::string& file = context.options.boxes_file;
  if (given.unclear) {
    throw Error(ErrorCode::InvalidArgument,
                {.summary = "nothing tells which boxes are about this image",
                 .file = job.input.text(),
                 .key = "--boxes",
                 .actual = "a `file_name` or id of " + file +
                           " that several images have, or several that may mean this one",
                 .hint = "name images with the folder they are in"});
  }
  frame.boxes = given.boxes;
  frame.is_unlisted = !given.listed;
  if (!given.listed) {
    context.warn(job, "no person is looked for in it: no entry of " + file + " is about it");
  } else if (given.boxes.empty()) {
    context.warn(job, "no person in it: " + file + " lists it without a box of a person");
  }
}

void find_boxes(const TaskContext& context, const Job& job, Frame& frame) {
  if (context.boxes) {
    take_boxes_of_file(context, job, frame);
    leave_out_boxes_outside(context, job, frame);
  } else if (!context.options.boxes.empty()) {
    frame.boxes = context.options.boxes;
    leave_out_boxes_outside(context, job, frame);
  } else if (context.options.detector.empty()) {
    frame.boxes = {full_image_box(frame.image)};
  }
}

void prepare_inputs(const TaskContext& context, Frame& frame) {
  for (const TaskModel& model : context.models.all()) {
    if (model.task() == Task::Pose) continue;
    if (frame.input_of(model.input_size())) continue;
    frame.inputs.push_back(model.prepare(frame.image, std::nullopt, context.options.preprocess));
  }
}

bool reads_masks(const TaskOptions& options) {
  return options.mask != "auto" && options.mask != "none";
}

// `sapiens seg` gave it the name that this frame's own results have.
std::vector<std::uint8_t> read_mask(const TaskContext& context, const Job& job,
                                    const Frame& frame) {
  const std::vector<Index> shape = {frame.image.height, frame.image.width};
  return read_npy_mask(fs::path(context.options.mask) / (frame_name(job, frame.place) += ".npy"),
                       shape);
}

}  // namespace

const PreparedImage* Frame::input_of(Grid size) const {
  const std::vector<Index> shape = {3, size.height, size.width};
  const auto found = std::find_if(inputs.begin(), inputs.end(), [&](const PreparedImage& input) {
    return input.pixels.shape == shape;
  });
  return found == inputs.end() ? nullptr : &*found;
}

void prepare_frame(const TaskContext& context, const Job& job, Frame& frame) {
  const Stopwatch watch;
  if (context.models.find(Task::Pose)) find_boxes(context, job, frame);
  if (reads_masks(context.options)) frame.mask = read_mask(context, job, frame);
  prepare_inputs(context, frame);
  frame.seconds.preprocess += watch.seconds();
}

Frame read_frame(const TaskContext& context, const Job& job, InputReader& reader) {
  const Stopwatch watch;
  Frame frame;
  frame.image = reader.read(job.input);
  frame.seconds.decode = watch.seconds();
  prepare_frame(context, job, frame);
  return frame;
}

}  // namespace sapiens::cli

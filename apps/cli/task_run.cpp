#include "task_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <new>
#include <sapiens/draw.hpp>
#include <sapiens/npy.hpp>
#include <utility>

#include "json_file.hpp"
#include "outputs.hpp"
#include "pose_json.hpp"
#include "stopwatch.hpp"

namespace sapiens::cli {
namespace {

namespace fs = std::filesystem;

/// What one job needs before anything is computed.
struct TaskInput {
  Image picture = {};
  std::vector<Box> boxes = {};
  bool nobody = false;                  ///< A file of boxes has none for this picture.
  std::vector<std::uint8_t> mask = {};  ///< Empty for all pixels.
};

class JobRun {
 public:
  JobRun(const TaskContext& context, const Job& job, Progress progress)
      : context_(context), job_(job), progress_(std::move(progress)) {}

  JobResult run() {
    const Stopwatch whole;
    try {
      input_ = read();
    } catch (const Error& error) {
      return failed(error);
    } catch (const std::bad_alloc&) {
      return failed(Error(
          ErrorCode::OutOfResources,
          {.summary = "too large for the memory there is", .file = job_.input.path.string()}));
    }
    note_seconds("read", whole.seconds());
    try {
      compute_and_write();
    } catch (const Error& error) {
      if (!is_about_the_input(error)) throw;
      return failed(error);
    }
    result_.seconds = whole.seconds();
    return std::move(result_);
  }

 private:
  TaskInput read() const {
    TaskInput input{.picture = Image::read(job_.input.path)};
    input.boxes = context_.options.boxes;
    if (context_.boxes) {
      input.boxes = context_.boxes->of(job_.input);
      input.nobody = input.boxes.empty();
      if (input.nobody) warn("no person in it, says " + context_.options.boxes_file);
    }
    if (!job_.picture.empty() && !context_.options.mask.empty()) input.mask = read_mask(input);
    return input;
  }

  std::vector<std::uint8_t> read_mask(const TaskInput& input) const {
    // `sapiens seg` gave it the name that this job's own results have.
    const fs::path below = job_.files.front().lexically_relative(context_.options.output);
    const std::vector<Index> shape = {input.picture.height, input.picture.width};
    auto mask = read_npy_mask(fs::path(context_.options.mask) / below, shape);
    if (std::all_of(mask.begin(), mask.end(), [](std::uint8_t value) { return value == 0; })) {
      warn("nothing is under its mask: the drawing is empty");
    }
    return mask;
  }

  template <typename Compute>
  auto timed(Compute compute) {
    const Stopwatch watch;
    auto computed = compute();
    note_seconds("compute", watch.seconds());
    return computed;
  }

  void compute_and_write() {
    const std::string_view task = context_.model.task();
    if (task == "pose") return run_pose();
    if (task == "seg") return run_seg();
    if (task == "depth") return run_depth();
    run_normals();
  }

  void run_pose() {
    const auto poses = timed([&] {
      if (input_.nobody) return std::vector<Pose>();
      return context_.model.pose(input_.picture, input_.boxes,
                                 {.flip_test = context_.options.flip_test, .progress = progress_});
    });
    const Index points = context_.model.outputs();
    const KeypointSet* set = context_.model.keypoint_set();
    result_.shape = {static_cast<Index>(poses.size()), points};
    write([&] {
      Json meta = keypoints_json(points, set);
      meta["sapiens"] = context_.settings;
      write_json(job_.files[0],
                 {{"meta_info", std::move(meta)}, {"instance_info", persons_json(poses)}},
                 "the key points cannot be written");
      draw([&] { return draw_pose(input_.picture, poses, set); });
    });
  }

  void run_seg() {
    const auto found = timed([&] { return context_.model.segment(input_.picture, progress_); });
    result_.shape = {found.height, found.width};
    write([&] {
      write_npy_mask(job_.files[0], result_.shape, found.ids);
      write_npy_ids(job_.files[1], result_.shape, found.ids);
      draw([&] { return draw_segmentation(input_.picture, found, context_.model.seg_classes()); });
    });
  }

  void run_depth() {
    const auto depth = timed([&] { return context_.model.depth(input_.picture, progress_); });
    write_array(depth, [&] { return draw_depth(input_.picture, depth.view<2>(), input_.mask); });
  }

  void run_normals() {
    const auto normals = timed([&] { return context_.model.normals(input_.picture, progress_); });
    write_array(normals,
                [&] { return draw_normals(input_.picture, normals.view<3>(), input_.mask); });
  }

  template <typename Draw>
  void write_array(const FloatArray& array, Draw drawing) {
    result_.shape = array.shape;
    write([&] {
      write_npy(job_.files[0], array.shape, array.values);
      draw(drawing);
    });
  }

  template <typename Write>
  void write(Write write_files) {
    const Stopwatch watch;
    const auto no_interruption = context_.interrupts.hold();
    create_parent(job_.files.front());
    write_files();
    note_seconds("write", watch.seconds());
  }

  template <typename Draw>
  void draw(Draw drawing) const {
    if (!job_.picture.empty()) drawing().write_png(job_.picture);
  }

  void note_seconds(const char* stage, double seconds) {
    result_.details["stages"][stage] = seconds;
  }

  JobResult failed(const Error& error) {
    context_.meter.message(fmt::format("failed: {}\n  {}", job_.input.path.string(), error.what()));
    return {.error = error};
  }

  void warn(const std::string& what) const {
    context_.meter.message(fmt::format("warning: {}: {}", job_.input.path.string(), what));
  }

  const TaskContext& context_;
  const Job& job_;
  Progress progress_;
  TaskInput input_;
  JobResult result_;
};

}  // namespace

std::vector<JobResult> run_task(const TaskContext& context, std::span<const Job> jobs) {
  std::vector<JobResult> results;
  for (const Job& job : jobs) {
    const auto before = static_cast<double>(results.size());
    results.push_back(
        JobRun(context, job, [&](double done) { context.meter.update(before + done); }).run());
    context.meter.update(before + 1);
  }
  return results;
}

}  // namespace sapiens::cli

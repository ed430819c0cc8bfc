#include "cli/run/frame_computer.hpp"

#include <algorithm>
#include <utility>

#include "cli/run/stopwatch.hpp"

namespace sapiens::cli {
namespace {

using Frames = std::vector<Frame*>;

Frames without_error(std::span<Frame> frames) {
  Frames good;
  for (Frame& frame : frames) {
    if (!frame.error) good.push_back(&frame);
  }
  return good;
}

/// `action`, with what is wrong with the input as the error of all `frames`.
template <typename Action>
void guarded(const Frames& frames, Action action) {
  try {
    action();
  } catch (const Error& error) {
    if (!is_about_the_input(error)) throw;
    for (Frame* frame : frames) frame->error = error;
  }
}

/// The part [first, first + size) of `whole`, both as shares of 1.
Progress part_of(const Progress& whole, double first, double size) {
  if (!whole) return {};
  return [&whole, first, size](double done) { whole(first + done * size); };
}

/// What a run took, shared out among `frames`.
void add_seconds(const StageTimes& stages, const Frames& frames) {
  const auto count = static_cast<double>(frames.size());
  for (Frame* frame : frames) {
    frame->seconds.encoder += stages.encoder / count;
    frame->seconds.head += stages.head / count;
    frame->seconds.post += stages.post / count;
  }
}

std::vector<std::uint8_t> foreground(const Segmentation& segmentation) {
  std::vector<std::uint8_t> mask(segmentation.ids.size());
  std::transform(segmentation.ids.begin(), segmentation.ids.end(), mask.begin(),
                 [](std::uint8_t id) { return static_cast<std::uint8_t>(id != 0); });
  return mask;
}

void take_result(Frame& frame, Pose&& pose) { frame.poses.push_back(std::move(pose)); }
void take_result(Frame& frame, Segmentation&& found) { frame.segmentation = std::move(found); }
void take_result(Frame& frame, DepthMap&& found) { frame.depth = std::move(found); }
void take_result(Frame& frame, NormalMap&& found) { frame.normals = std::move(found); }

/// One person of one frame.
struct Person {
  Frame* frame;
  std::size_t box;
};

/// Persons that go through the encoder together.
struct PersonBatch {
  std::vector<PreparedImage> inputs;
  Frames frames;             // one per input
  std::vector<Pose*> poses;  // where the results go

  void add(const TaskModel& model, PreprocessMode mode, const Person& person) {
    Frame& frame = *person.frame;
    if (frame.error) return;
    const Stopwatch watch;
    guarded({&frame}, [&] {
      inputs.push_back(model.prepare(frame.image, (*frame.boxes)[person.box], mode));
      frames.push_back(&frame);
      poses.push_back(&frame.poses[person.box]);
    });
    frame.seconds.preprocess += watch.seconds();
  }
};

}  // namespace

void FrameComputer::compute(std::span<Frame> frames, const Progress& progress) const {
  detect(frames);
  const auto count = static_cast<double>(context_.models.all().size());
  double done = 0;
  for (TaskModel& model : context_.models.all()) {
    const Progress of_model = part_of(progress, done++ / count, 1 / count);
    if (model.task() == Task::Pose) {
      run_pose(model, frames, of_model);
    } else {
      run_dense(model, frames, of_model);
    }
  }
  for (Frame& frame : frames) frame.inputs.clear();
}

std::vector<Frame> FrameComputer::compute_images(std::vector<Frame> frames,
                                                 const std::function<void()>& keep_going) const {
  const auto first = static_cast<double>(frames.front().job);
  compute(frames, [&](double done) {
    keep_going();
    context_.meter.update(first + done * static_cast<double>(frames.size()));
  });
  return frames;
}

void FrameComputer::detect(std::span<Frame> frames) const {
  PersonDetector* detector = context_.models.detector();
  for (Frame* frame : without_error(frames)) {
    if (!detector || frame->boxes) continue;
    const Stopwatch watch;
    guarded({frame}, [&] {
      frame->boxes = detector->detect(frame->image, context_.options.detect).persons;
    });
    frame->seconds.detect += watch.seconds();
  }
}

void FrameComputer::run_dense(TaskModel& model, std::span<Frame> all,
                              const Progress& progress) const {
  const Frames frames = without_error(all);
  if (frames.empty()) return;
  guarded(frames, [&] {
    std::vector<TaskInput> inputs;
    for (const Frame* frame : frames) inputs.push_back(*frame->input_of(model.input_size()));
    TaskRun run = model.run(inputs, {.progress = progress});
    for (std::size_t i = 0; i < frames.size(); ++i) {
      std::visit([&](auto& found) { take_result(*frames[i], std::move(found)); }, run.results[i]);
      if (model.task() == Task::Seg && context_.options.mask == "auto") {
        frames[i]->mask = foreground(frames[i]->segmentation);
      }
    }
    add_seconds(run.stats.stages, frames);
  });
}

// Persons of all frames, --batch at a time: a crowd needs no more memory than a batch.
void FrameComputer::run_pose(TaskModel& model, std::span<Frame> frames,
                             const Progress& progress) const {
  std::vector<Person> persons;
  for (Frame* frame : without_error(frames)) {
    frame->poses.resize(frame->boxes->size());
    for (std::size_t box = 0; box < frame->boxes->size(); ++box) persons.push_back({frame, box});
  }
  const auto count = static_cast<double>(persons.size());
  const auto step = static_cast<std::size_t>(context_.options.batch);
  for (std::size_t first = 0; first < persons.size(); first += step) {
    const auto some = std::span(persons).subspan(first, std::min(step, persons.size() - first));
    PersonBatch batch;
    for (const Person& person : some) batch.add(model, context_.options.preprocess, person);
    if (batch.inputs.empty()) continue;
    guarded(batch.frames, [&] {
      const std::vector<TaskInput> inputs(batch.inputs.begin(), batch.inputs.end());
      TaskRun run =
          model.run(inputs, {.flip_test = context_.options.flip_test,
                             .progress = part_of(progress, static_cast<double>(first) / count,
                                                 static_cast<double>(some.size()) / count)});
      std::vector<Pose> poses;
      for (Result& one : run.results) poses.push_back(std::get<Pose>(std::move(one)));
      if (context_.models.conversion()) poses = (*context_.models.conversion())(poses);
      for (std::size_t i = 0; i < poses.size(); ++i) *batch.poses[i] = std::move(poses[i]);
      add_seconds(run.stats.stages, batch.frames);
    });
  }
}

}  // namespace sapiens::cli

#include <algorithm>
#include <utility>

#include "cli/run/frames.hpp"
#include "core/progress.hpp"

namespace sapiens::cli {
namespace {

using Frames = std::vector<Frame*>;

/// What a run took, shared out among `frames`.
void add_seconds(const StageTimes& stages, const Frames& frames) {
  for (Frame* frame : frames) frame->seconds.add_share(stages, frames.size());
}

std::vector<std::uint8_t> foreground(const Segmentation& segmentation) {
  std::vector<std::uint8_t> mask(segmentation.ids.size());
  std::transform(segmentation.ids.begin(), segmentation.ids.end(), mask.begin(),
                 [](std::uint8_t id) { return static_cast<std::uint8_t>(id != 0); });
  return mask;
}

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
    guarded<Frame>({&frame}, [&] {
      inputs.push_back(model.prepare(frame.image, (*frame.boxes)[person.box], mode));
      frames.push_back(&frame);
      poses.push_back(&frame.poses[person.box]);
    });
    frame.seconds.preprocess += watch.seconds();
  }
};

void detect(const TaskContext& context, std::span<Frame> frames) {
  PersonDetector* detector = context.models.detector();
  for (Frame* frame : without_error(frames)) {
    if (!detector || frame->boxes) continue;
    const Stopwatch watch;
    guarded<Frame>({frame}, [&] {
      frame->boxes = detector->detect(frame->image, context.options.detect).persons;
    });
    frame->seconds.detect += watch.seconds();
  }
}

void run_dense(const TaskContext& context, TaskModel& model, std::span<Frame> all,
               const Progress& progress) {
  const Frames frames = without_error(all);
  if (frames.empty()) return;
  guarded(frames, [&] {
    std::vector<TaskInput> inputs;
    for (const Frame* frame : frames) inputs.push_back(*frame->input_of(model.input_size()));
    TaskRun run = model.run(inputs, {.progress = progress});
    for (std::size_t i = 0; i < frames.size(); ++i) {
      const auto* seg = std::get_if<Segmentation>(&run.results[i]);
      if (seg && context.options.mask == "auto") frames[i]->mask = foreground(*seg);
      frames[i]->others.push_back(std::move(run.results[i]));
    }
    add_seconds(run.stats.stages, frames);
  });
}

// Persons of all frames, --batch at a time: a crowd needs no more memory than a batch.
void run_pose(const TaskContext& context, TaskModel& model, std::span<Frame> frames,
              const Progress& progress) {
  std::vector<Person> persons;
  for (Frame* frame : without_error(frames)) {
    frame->poses.resize(frame->boxes->size());
    for (std::size_t box = 0; box < frame->boxes->size(); ++box) persons.push_back({frame, box});
  }
  const auto count = static_cast<double>(persons.size());
  const auto step = static_cast<std::size_t>(context.options.batch);
  for (std::size_t first = 0; first < persons.size(); first += step) {
    const auto some = std::span(persons).subspan(first, std::min(step, persons.size() - first));
    PersonBatch batch;
    for (const Person& person : some) batch.add(model, context.options.preprocess, person);
    if (batch.inputs.empty()) continue;
    guarded(batch.frames, [&] {
      const std::vector<TaskInput> inputs(batch.inputs.begin(), batch.inputs.end());
      TaskRun run =
          model.run(inputs, {.flip_test = context.options.flip_test,
                             .progress = part_of(progress, static_cast<double>(first) / count,
                                                 static_cast<double>(some.size()) / count)});
      const StageTimes stages = run.stats.stages;
      std::vector<Pose> poses = results_as<Pose>(std::move(run));
      if (context.models.conversion()) poses = (*context.models.conversion())(poses);
      for (std::size_t i = 0; i < poses.size(); ++i) *batch.poses[i] = std::move(poses[i]);
      add_seconds(stages, batch.frames);
    });
  }
}

}  // namespace

void compute_frames(const TaskContext& context, std::span<Frame> frames, const Progress& progress) {
  detect(context, frames);
  const auto count = static_cast<double>(context.models.all().size());
  double done = 0;
  for (TaskModel& model : context.models.all()) {
    const Progress of_model = part_of(progress, done++ / count, 1 / count);
    if (model.task() == Task::Pose) {
      run_pose(context, model, frames, of_model);
    } else {
      run_dense(context, model, frames, of_model);
    }
  }
  for (Frame& frame : frames) frame.inputs.clear();
}

}  // namespace sapiens::cli

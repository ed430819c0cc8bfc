#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <sapiens/draw.hpp>
#include <sapiens/npy.hpp>
#include <sapiens/tasks.hpp>
#include <system_error>

#include "cli/bench/passes.hpp"
#include "cli/input/json_file.hpp"
#include "documents/results_json.hpp"

namespace sapiens::cli {
namespace {

namespace fs = std::filesystem;

/// A folder for the files of a measurement, gone afterwards.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (fs::temp_directory_path() / "sapiens-bench-XXXXXX").string();
    if (!mkdtemp(name.data())) {
      throw Error(ErrorCode::WriteFailed,
                  {.summary = "no folder for the files of the measurement can be made",
                   .file = name,
                   .hint = "TMPDIR names another place"});
    }
    path_ = name;
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }

  fs::path operator/(const char* name) const { return path_ / name; }

 private:
  fs::path path_;
};

/// What one pass took, with what the engine does not time itself.
struct PassTimes {
  RunStats run = {};
  double draw = 0, write = 0;
};

/// One image after the other, from pixels in memory to files.
class TaskPass {
 public:
  TaskPass(TaskModel& model, const Image& image) : model_(model), image_(image) {}

  PassTimes run(const Progress& progress) {
    TaskRun found = model_.run(image_, {}, {.progress = progress});
    PassTimes times = finish(found.results.front());
    times.run = std::move(found.stats);
    return times;
  }

 private:
  PassTimes finish(const Result& found) const {
    if (const FloatArray* const map = map_of(found)) return finish_map(found, *map);
    if (const auto* const seg = std::get_if<Segmentation>(&found)) return finish(*seg);
    return finish(std::get<Pose>(found));
  }

  PassTimes finish(const Pose& pose) const {
    const KeypointSet* const set = model_.keypoint_set();
    const std::vector<Pose> poses = {pose};
    return finish([&] { return draw_pose(image_, poses, set); },
                  [&] {
                    write_json(folder_ / "a.json",
                               {{"meta_info", documents::keypoints_json(model_.outputs(), set)},
                                {"instance_info", documents::persons_json(poses)}},
                               "the keypoints cannot be written");
                  });
  }

  PassTimes finish(const Segmentation& found) const {
    return finish([&] { return draw_segmentation(image_, found, model_.seg_classes()); },
                  [&] {
                    const std::vector<Index> shape = {found.height, found.width};
                    write_npy_mask(folder_ / "a.npy", shape, found.ids);
                    write_npy_ids(folder_ / "a_seg.npy", shape, found.ids);
                  });
  }

  PassTimes finish_map(const Result& found, const FloatArray& map) const {
    return finish([&] { return draw_map(image_, found); },
                  [&] { write_npy(folder_ / "a.npy", map.shape, map.values); });
  }

  template <class Draw, class Write>
  PassTimes finish(const Draw& draw, const Write& write) const {
    PassTimes times;
    const Stopwatch drawing;
    const Image drawn = draw();
    times.draw = drawing.seconds();
    const Stopwatch writing;
    write();
    drawn.write_png(folder_ / "a.png");
    times.write = writing.seconds();
    return times;
  }

  TaskModel& model_;
  const Image& image_;
  TemporaryFolder folder_;
};

void measure_model(TaskModel& model, const BenchOptions& options, const Image& image,
                   BenchRun& run) {
  constexpr const char* kStages[] = {"preprocess", "encoder", "head", "post", "draw", "write"};
  TaskPass task(model, image);
  measure_passes(run, options.repeat, kStages, [&](const Progress& progress) {
    const Stopwatch watch;
    const PassTimes pass = task.run(progress);
    const double seconds = watch.seconds();
    const StageTimes& stages = pass.run.stages;
    return Pass{.seconds = seconds,
                .stages = {stages.preprocess, stages.encoder, stages.head, stages.post, pass.draw,
                           pass.write},
                .operators = pass.run.operators,
                .rest = stages.encoder + stages.head - seconds_of(pass.run.operators)};
  });
  run.stats = model.stats();
  for (const OperatorBench& measured : run.operators) run.gflop += measured.work.gflop;
}

TaskModel load_task_model(const BenchOptions& options, const EngineOptions& engine, BenchRun& run) {
  return load_measured(engine, run, [&](const EngineOptions& loading) {
    if (options.checkpoint.empty()) {
      return TaskModel::random({.arch = arch_of(options), .task = *options.task}, loading);
    }
    ModelOptions model = options.model;
    model.task = options.task;
    return TaskModel(Checkpoint::open(options.checkpoint), model, loading);
  });
}

}  // namespace

BenchRun measure_task(const BenchOptions& options, const EngineOptions& engine) {
  forget_peak_memory();
  BenchRun run;
  run.task = options.task;
  TaskModel model = load_task_model(options, engine, run);
  run.model = model.inspection().model;
  run.stats = model.stats();
  run.size = model.input_size();
  run.tokens = run.model.grid.patches() + (run.model.cls_token ? 1 : 0);
  Image image;
  if (options.image.empty()) {
    image = made_up_image(options.image_size.value_or(kDefaultImageSize));
  } else {
    const Timing decode = timed(options.repeat, [&] { image = Image::read(options.image); });
    run.stages.push_back({"decode", decode});
  }
  run.image = {image.height, image.width};
  measure_model(model, options, image, run);
  run.peak_memory = peak_memory();
  return run;
}

}  // namespace sapiens::cli

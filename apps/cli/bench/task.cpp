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

/// One image after the other, from pixels in memory to files.
class TaskPass {
 public:
  TaskPass(TaskModel& model, const Image& image) : model_(model), image_(image) {}

  Pass run(const Progress& progress) {
    const Stopwatch whole;
    const TaskRun found = model_.run(image_, {}, {.progress = progress});
    const Result& result = found.results.front();
    const Stopwatch drawing;
    const Image drawn = std::visit([this](const auto& one) { return draw(one); }, result);
    const double draw_seconds = drawing.seconds();
    const Stopwatch writing;
    std::visit([this](const auto& one) { write(one); }, result);
    drawn.write_png(folder_ / "a.png");
    const double write_seconds = writing.seconds();
    const StageTimes& stages = found.stats.stages;
    return {.seconds = whole.seconds(),
            .stages = {stages.preprocess, stages.encoder, stages.head, stages.post, draw_seconds,
                       write_seconds},
            .operators = found.stats.operators,
            .rest = stages.encoder + stages.head - seconds_of(found.stats.operators)};
  }

 private:
  Image draw(const Pose& pose) const {
    return draw_pose(image_, {&pose, 1}, model_.keypoint_set());
  }
  Image draw(const Segmentation& found) const {
    return draw_segmentation(image_, found, model_.seg_classes());
  }
  Image draw(const DepthMap& found) const { return draw_depth(image_, found.values.view<2>()); }
  Image draw(const NormalMap& found) const { return draw_normals(image_, found.values.view<3>()); }

  void write(const Pose& pose) const {
    write_json(folder_ / "a.json",
               {{"meta_info", documents::keypoints_json(model_.outputs(), model_.keypoint_set())},
                {"instance_info", documents::persons_json({&pose, 1})}},
               "the keypoints cannot be written");
  }
  void write(const Segmentation& found) const {
    const std::vector<Index> shape = {found.height, found.width};
    write_npy_mask(folder_ / "a.npy", shape, found.ids);
    write_npy_ids(folder_ / "a_seg.npy", shape, found.ids);
  }
  void write(const auto& map) const {
    write_npy(folder_ / "a.npy", map.values.shape, map.values.values);
  }

  TaskModel& model_;
  const Image& image_;
  TemporaryFolder folder_;
};

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

void measure_task(const BenchOptions& options, const EngineOptions& engine, BenchRun& run) {
  constexpr const char* kStages[] = {"preprocess", "encoder", "head", "post", "draw", "write"};
  TaskModel model = load_task_model(options, engine, run);
  run.model = model.inspection().model;
  run.stats = model.stats();
  run.size = model.input_size();
  run.tokens = run.model.grid.patches() + (run.model.cls_token ? 1 : 0);
  const Image image = input_image(options, options.image_size.value_or(kDefaultImageSize), run);
  run.image = {image.height, image.width};
  TaskPass pass(model, image);
  measure_passes(run, options.repeat, kStages,
                 [&](const Progress& progress) { return pass.run(progress); });
  run.stats = model.stats();
}

}  // namespace sapiens::cli

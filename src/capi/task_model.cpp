#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "capi/error_boundary.hpp"
#include "capi/handles.hpp"
#include "capi/images.hpp"
#include "capi/options.hpp"
#include "sapiens/shared_model.hpp"
#include "sapiens/tasks.hpp"

using namespace sapiens;

// Strings that are returned to the caller are created once.
struct sapiens_task_model {
  sapiens_task_model(const Checkpoint& checkpoint, const ModelOptions& options,
                     const EngineOptions& engine)
      : model(std::make_unique<TaskModel>(checkpoint, options, engine)),
        task(task_name(model->task())),
        precision(model->stats().precision),
        names(model->output_names()) {}

  SharedModel<TaskModel> model;
  std::string task, precision;
  std::vector<std::string> names;
};

namespace {

// Poses [persons, keypoints, 3].
sapiens_array array_of(std::span<const Pose> poses, Index keypoints) {
  std::vector<float> numbers;
  for (const Pose& pose : poses) {
    for (const Keypoint& point : pose.keypoints) {
      numbers.insert(numbers.end(), {point.x, point.y, point.score});
    }
  }
  return {.shape = {std::ssize(poses), keypoints, 3}, .values = std::move(numbers)};
}

sapiens_array array_of(Result&& result, Index outputs) {
  if (FloatArray* const map = map_of(result)) {
    return {.shape = std::move(map->shape), .values = std::move(map->values)};
  }
  if (auto* const classes = std::get_if<Segmentation>(&result)) {
    return {.shape = {classes->height, classes->width}, .values = std::move(classes->ids)};
  }
  return array_of(std::span(&std::get<Pose>(result), 1), outputs);
}

std::vector<Box> boxes_of(const sapiens_box* boxes, size_t count) {
  if (count > 0) capi::require(boxes, "boxes");
  std::vector<Box> all;
  for (size_t i = 0; i < count; ++i) {
    const sapiens_box& box = boxes[i];
    all.push_back({box.x, box.y, box.width, box.height, box.score});
  }
  return all;
}

}  // namespace

sapiens_status sapiens_task_model_load(const sapiens_checkpoint* checkpoint,
                                       const sapiens_model_options* options,
                                       const sapiens_engine_options* engine,
                                       sapiens_task_model** model, sapiens_error** error) {
  return capi::create_handle(model, "model", error, [&] {
    capi::require(checkpoint, "checkpoint");
    return std::make_unique<sapiens_task_model>(
        checkpoint->checkpoint, capi::model_options(options), capi::engine_options(engine));
  });
}

void sapiens_task_model_free(sapiens_task_model* model) { delete model; }

sapiens_status sapiens_task_model_report(const sapiens_task_model* model, sapiens_report** report,
                                         sapiens_error** error) {
  return capi::create_handle(report, "report", error, [&] {
    capi::require(model, "model");
    return std::make_unique<sapiens_report>(model->model->inspection());
  });
}

const char* sapiens_task_model_task(const sapiens_task_model* model) {
  return model ? model->task.c_str() : "";
}

int64_t sapiens_task_model_outputs(const sapiens_task_model* model) {
  return model ? model->model->outputs() : 0;
}

const char* sapiens_task_model_output_name(const sapiens_task_model* model, int64_t index) {
  if (!model || index < 0 || index >= std::ssize(model->names)) return "";
  return model->names[static_cast<std::size_t>(index)].c_str();
}

int64_t sapiens_task_model_height(const sapiens_task_model* model) {
  return model ? model->model->input_size().height : 0;
}

int64_t sapiens_task_model_width(const sapiens_task_model* model) {
  return model ? model->model->input_size().width : 0;
}

const char* sapiens_task_model_precision(const sapiens_task_model* model) {
  return model ? model->precision.c_str() : "";
}

sapiens_status sapiens_task_model_pose(sapiens_task_model* model, const sapiens_image* image,
                                       const sapiens_box* boxes, size_t count,
                                       const sapiens_task_options* options, sapiens_result** poses,
                                       sapiens_error** error) {
  return capi::create_handle(poses, "poses", error, [&] {
    capi::require(model, "model");
    const RunOptions wanted = capi::run_options(options);
    const Image input = capi::read_image(image, "image");
    const std::vector<Box> persons = boxes_of(boxes, count);
    model->model->expect_task(Task::Pose);
    const auto lock = model->model.lock();
    const auto found = results_as<Pose>(lock->run(input, persons, wanted));
    auto result = std::make_unique<sapiens_result>();
    result->arrays.push_back(array_of(found, lock->outputs()));
    return result;
  });
}

sapiens_status sapiens_task_model_run(sapiens_task_model* model, const sapiens_image* images,
                                      size_t count, const sapiens_task_options* options,
                                      sapiens_result** results, sapiens_error** error) {
  return capi::create_handle(results, "results", error, [&] {
    capi::require(model, "model");
    const RunOptions wanted = capi::run_options(options);
    const capi::Images given(images, count);
    std::vector<PreparedImage> prepared;
    for (std::size_t i = 0; i < given.size(); ++i) {
      prepared.push_back(model->model->prepare(given.read(i), std::nullopt, wanted.mode));
    }
    const std::vector<TaskInput> inputs(prepared.begin(), prepared.end());
    auto computed = std::make_unique<sapiens_result>();
    const auto lock = model->model.lock();  // only computing waits for other calls
    for (Result& one : lock->run(inputs, wanted).results) {
      computed->arrays.push_back(array_of(std::move(one), lock->outputs()));
    }
    return computed;
  });
}

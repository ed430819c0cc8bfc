#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "capi/error_boundary.hpp"
#include "capi/handles.hpp"
#include "capi/images.hpp"
#include "capi/options.hpp"
#include "capi/shared.hpp"
#include "sapiens/boxes.hpp"
#include "sapiens/tasks.hpp"

using namespace sapiens;

// Strings that are handed out are made once.
struct sapiens_task_model {
  sapiens_task_model(const Checkpoint& checkpoint, const ModelOptions& options,
                     const EngineOptions& engine)
      : model(checkpoint, options, engine),
        task(model->task()),
        precision(model->stats().precision),
        names(model->output_names()) {}

  capi::Shared<TaskModel> model;
  std::string task, precision;
  std::vector<std::string> names;
};

namespace {

sapiens_array array_of(FloatArray&& numbers) {
  return {.shape = std::move(numbers.shape), .values = std::move(numbers.values)};
}

sapiens_array array_of(Segmentation&& classes) {
  return {.shape = {classes.height, classes.width}, .values = std::move(classes.ids)};
}

// What `run` makes of all images; only the model waits for its turn.
template <typename Run>
sapiens_status of_images(sapiens_task_model* model, const sapiens_image* images, size_t count,
                         const sapiens_task_options* options, sapiens_result** result,
                         const char* result_name, sapiens_error** error, const Run& run) {
  return capi::create_handle(result, result_name, error, [&] {
    capi::require(model, "model");
    const capi::TaskOptions wanted = capi::task_options(options);
    const capi::Images given(images, count);
    std::vector<TaskInput> inputs;
    for (std::size_t i = 0; i < given.size(); ++i) {
      inputs.push_back(model->model->prepare(given.read(i), std::nullopt, wanted.mode));
    }
    auto computed = std::make_unique<sapiens_result>();
    const auto lock = model->model.lock();
    for (auto& one : run(*lock, inputs, wanted.progress)) {
      computed->arrays.push_back(array_of(std::move(one)));
    }
    return computed;
  });
}

std::vector<Box> boxes_of(const Image& image, const sapiens_box* boxes, size_t count) {
  if (count == 0) {
    return {{.width = static_cast<float>(image.width), .height = static_cast<float>(image.height)}};
  }
  capi::require(boxes, "boxes");
  std::vector<Box> all;
  for (size_t i = 0; i < count; ++i) {
    const sapiens_box& box = boxes[i];
    all.push_back({box.x, box.y, box.width, box.height, box.score});
  }
  expect_boxes_in(image, all);
  return all;
}

// Keypoints of the person in one box, appended to `numbers`.
void add_pose(sapiens_task_model& model, const Image& image, const Box& box,
              const capi::TaskOptions& options, const Progress& progress,
              std::vector<float>& numbers) {
  const TaskInput person = model.model->prepare(image, box, options.mode);
  const auto lock = model.model.lock();
  const auto poses =
      lock->pose({&person, 1}, {.flip_test = options.flip_test, .progress = progress});
  for (const Keypoint& point : poses.front().keypoints) {
    numbers.insert(numbers.end(), {point.x, point.y, point.score});
  }
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
    const capi::TaskOptions wanted = capi::task_options(options);
    const Image seen = capi::read_image(image, "image");
    const std::vector<Box> persons = boxes_of(seen, boxes, count);
    // One person at a time: a crowd needs no more memory than one.
    std::vector<float> numbers;
    for (std::size_t i = 0; i < persons.size(); ++i) {
      Progress progress;
      if (wanted.progress) {
        progress = [&, i](double done) {
          wanted.progress((static_cast<double>(i) + done) / static_cast<double>(persons.size()));
        };
      }
      add_pose(*model, seen, persons[i], wanted, progress, numbers);
    }
    auto result = std::make_unique<sapiens_result>();
    result->arrays.push_back(
        {.shape = {std::ssize(persons), model->model->outputs(), 3}, .values = std::move(numbers)});
    return result;
  });
}

sapiens_status sapiens_task_model_segment(sapiens_task_model* model, const sapiens_image* images,
                                          size_t count, const sapiens_task_options* options,
                                          sapiens_result** classes, sapiens_error** error) {
  return of_images(model, images, count, options, classes, "classes", error,
                   [](TaskModel& of, std::span<const TaskInput> inputs, const Progress& progress) {
                     return of.segment(inputs, progress);
                   });
}

sapiens_status sapiens_task_model_depth(sapiens_task_model* model, const sapiens_image* images,
                                        size_t count, const sapiens_task_options* options,
                                        sapiens_result** depths, sapiens_error** error) {
  return of_images(model, images, count, options, depths, "depths", error,
                   [](TaskModel& of, std::span<const TaskInput> inputs, const Progress& progress) {
                     return of.depth(inputs, progress);
                   });
}

sapiens_status sapiens_task_model_normals(sapiens_task_model* model, const sapiens_image* images,
                                          size_t count, const sapiens_task_options* options,
                                          sapiens_result** normals, sapiens_error** error) {
  return of_images(model, images, count, options, normals, "normals", error,
                   [](TaskModel& of, std::span<const TaskInput> inputs, const Progress& progress) {
                     return of.normals(inputs, progress);
                   });
}

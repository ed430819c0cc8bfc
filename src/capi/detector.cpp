#include "sapiens/detector.hpp"

#include <memory>
#include <utility>
#include <vector>

#include "capi/error_boundary.hpp"
#include "capi/handles.hpp"
#include "capi/images.hpp"
#include "capi/options.hpp"
#include "sapiens/shared_model.hpp"

using namespace sapiens;

struct sapiens_detector {
  sapiens_detector(const Checkpoint& checkpoint, const EngineOptions& engine)
      : model(std::make_unique<PersonDetector>(checkpoint, engine)) {}

  SharedModel<PersonDetector> model;
};

sapiens_status sapiens_detector_load(const sapiens_checkpoint* checkpoint,
                                     const sapiens_engine_options* engine,
                                     sapiens_detector** detector, sapiens_error** error) {
  return capi::create_handle(detector, "detector", error, [&] {
    capi::require(checkpoint, "checkpoint");
    return std::make_unique<sapiens_detector>(checkpoint->checkpoint, capi::engine_options(engine));
  });
}

void sapiens_detector_free(sapiens_detector* detector) { delete detector; }

sapiens_status sapiens_detector_detect(sapiens_detector* detector, const sapiens_image* image,
                                       const sapiens_detect_options* options,
                                       sapiens_result** persons, sapiens_error** error) {
  return capi::create_handle(persons, "persons", error, [&] {
    capi::require(detector, "detector");
    const DetectOptions wanted = capi::detect_options(options);
    const Image input = capi::read_image(image, "image");
    std::vector<sapiens_box> boxes;
    const auto lock = detector->model.lock();
    for (const Box& box : lock->detect(input, wanted).persons) {
      boxes.push_back({box.x, box.y, box.width, box.height, box.score});
    }
    const std::int64_t count = std::ssize(boxes);
    auto result = std::make_unique<sapiens_result>();
    result->arrays.push_back({.shape = {count}, .values = std::move(boxes)});
    return result;
  });
}

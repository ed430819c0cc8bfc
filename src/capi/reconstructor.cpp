#include <memory>
#include <string>
#include <utility>

#include "capi/error_boundary.hpp"
#include "capi/handles.hpp"
#include "capi/images.hpp"
#include "capi/options.hpp"
#include "sapiens/reconstruct.hpp"
#include "sapiens/shared_model.hpp"

using namespace sapiens;

struct sapiens_reconstructor {
  sapiens_reconstructor(const Checkpoint& checkpoint, const ModelOptions& options,
                        const EngineOptions& engine)
      : model(std::make_unique<Reconstructor>(checkpoint, options, engine)),
        precision(model->stats().precision) {}

  SharedModel<Reconstructor> model;
  std::string precision;
};

namespace {

sapiens_array array_of(Image&& image) {
  return {.shape = {image.height, image.width, 3}, .values = std::move(image.rgb)};
}

// In the order of SAPIENS_RECONSTRUCTION_*.
std::unique_ptr<sapiens_result> result_of(Reconstruction&& found) {
  auto result = std::make_unique<sapiens_result>();
  result->arrays.push_back(array_of(std::move(found.original)));
  result->arrays.push_back(array_of(std::move(found.masked)));
  result->arrays.push_back(array_of(std::move(found.reconstruction)));
  result->arrays.push_back(
      {.shape = {found.grid.height, found.grid.width}, .values = std::move(found.mask)});
  result->arrays.push_back({.shape = {2},
                            .values = std::vector<float>{static_cast<float>(found.masked_error),
                                                         static_cast<float>(found.mean_error)}});
  return result;
}

}  // namespace

sapiens_status sapiens_reconstructor_load(const sapiens_checkpoint* checkpoint,
                                          const sapiens_model_options* options,
                                          const sapiens_engine_options* engine,
                                          sapiens_reconstructor** reconstructor,
                                          sapiens_error** error) {
  return capi::create_handle(reconstructor, "reconstructor", error, [&] {
    capi::require(checkpoint, "checkpoint");
    return std::make_unique<sapiens_reconstructor>(
        checkpoint->checkpoint, capi::model_options(options), capi::engine_options(engine));
  });
}

void sapiens_reconstructor_free(sapiens_reconstructor* reconstructor) { delete reconstructor; }

sapiens_status sapiens_reconstructor_report(const sapiens_reconstructor* reconstructor,
                                            sapiens_report** report, sapiens_error** error) {
  return capi::create_handle(report, "report", error, [&] {
    capi::require(reconstructor, "reconstructor");
    return std::make_unique<sapiens_report>(reconstructor->model->inspection());
  });
}

int64_t sapiens_reconstructor_height(const sapiens_reconstructor* reconstructor) {
  return reconstructor ? reconstructor->model->input_size().height : 0;
}

int64_t sapiens_reconstructor_width(const sapiens_reconstructor* reconstructor) {
  return reconstructor ? reconstructor->model->input_size().width : 0;
}

const char* sapiens_reconstructor_precision(const sapiens_reconstructor* reconstructor) {
  return reconstructor ? reconstructor->precision.c_str() : "";
}

sapiens_status sapiens_reconstructor_run(sapiens_reconstructor* reconstructor,
                                         const sapiens_image* image,
                                         const sapiens_reconstruct_options* options,
                                         sapiens_result** reconstruction, sapiens_error** error) {
  return capi::create_handle(reconstruction, "reconstruction", error, [&] {
    capi::require(reconstructor, "reconstructor");
    const ReconstructOptions wanted = capi::reconstruct_options(options);
    const Image input = capi::read_image(image, "image");
    const auto lock = reconstructor->model.lock();
    return result_of(lock->run(input, wanted));
  });
}

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "capi/error_boundary.hpp"
#include "capi/handles.hpp"
#include "capi/images.hpp"
#include "capi/options.hpp"
#include "sapiens/features.hpp"
#include "sapiens/shared_model.hpp"

using namespace sapiens;

struct sapiens_encoder {
  sapiens_encoder(const Checkpoint& checkpoint, const ModelOptions& options,
                  const EngineOptions& engine)
      : model(std::make_unique<Encoder>(checkpoint, options, engine)),
        precision(model->stats().precision) {}

  SharedModel<Encoder> model;
  std::string precision;
};

namespace {

// More numbers than a process can address; below, products of sizes do not overflow.
constexpr Index kMaxNumbers = Index{1} << 45;

void expect_input(Index batch, Index height, Index width) {
  const Index most = kMaxNumbers / 3;
  if (batch >= 1 && height >= 1 && width >= 1 && height <= most / width &&
      batch <= most / (height * width)) {
    return;
  }
  capi::refuse(
      "not the size of an input", "batch, height, width",
      "1 or more each, and numbers that fit into memory",
      std::to_string(batch) + ", " + std::to_string(height) + ", " + std::to_string(width));
}

template <typename Input>
std::unique_ptr<sapiens_result> compute(sapiens_encoder& encoder, const Input& input,
                                        const FeatureOptions& options) {
  auto result = std::make_unique<sapiens_result>();
  const auto lock = encoder.model.lock();
  for (LayerFeatures& layer : lock->run(input, options).layers) {
    result->arrays.push_back({.shape = std::move(layer.values.shape),
                              .values = std::move(layer.values.values),
                              .layer = layer.layer,
                              .out_type = static_cast<std::int32_t>(layer.out_type)});
  }
  return result;
}

}  // namespace

sapiens_status sapiens_encoder_load(const sapiens_checkpoint* checkpoint,
                                    const sapiens_model_options* options,
                                    const sapiens_engine_options* engine, sapiens_encoder** encoder,
                                    sapiens_error** error) {
  return capi::create_handle(encoder, "encoder", error, [&] {
    capi::require(checkpoint, "checkpoint");
    return std::make_unique<sapiens_encoder>(checkpoint->checkpoint, capi::model_options(options),
                                             capi::engine_options(engine));
  });
}

void sapiens_encoder_free(sapiens_encoder* encoder) { delete encoder; }

sapiens_status sapiens_encoder_report(const sapiens_encoder* encoder, sapiens_report** report,
                                      sapiens_error** error) {
  return capi::create_handle(report, "report", error, [&] {
    capi::require(encoder, "encoder");
    return std::make_unique<sapiens_report>(encoder->model->inspection());
  });
}

int64_t sapiens_encoder_height(const sapiens_encoder* encoder) {
  return encoder ? encoder->model->input_size().height : 0;
}

int64_t sapiens_encoder_width(const sapiens_encoder* encoder) {
  return encoder ? encoder->model->input_size().width : 0;
}

int32_t sapiens_encoder_is_partial(const sapiens_encoder* encoder) {
  return encoder && encoder->model->partial() ? 1 : 0;
}

const char* sapiens_encoder_precision(const sapiens_encoder* encoder) {
  return encoder ? encoder->precision.c_str() : "";
}

sapiens_status sapiens_encoder_features(sapiens_encoder* encoder, const sapiens_image* images,
                                        size_t count, const sapiens_features_options* options,
                                        sapiens_result** features, sapiens_error** error) {
  return capi::create_handle(features, "features", error, [&] {
    capi::require(encoder, "encoder");
    const capi::FeaturesOptions wanted = capi::features_options(options);
    const capi::Images given(images, count);
    std::vector<FloatArray> prepared;
    std::vector<TensorView<const float, 3>> views;
    prepared.reserve(given.size());
    for (std::size_t i = 0; i < given.size(); ++i) {
      prepared.push_back(encoder->model->preprocess(given.read(i), wanted.mode, wanted.size));
      views.push_back(prepared.back().view<3>());
    }
    return compute(*encoder, views, wanted.features);
  });
}

sapiens_status sapiens_encoder_run(sapiens_encoder* encoder, const float* input, int64_t batch,
                                   int64_t height, int64_t width,
                                   const sapiens_features_options* options,
                                   sapiens_result** features, sapiens_error** error) {
  return capi::create_handle(features, "features", error, [&] {
    capi::require(encoder, "encoder");
    capi::require(input, "input");
    expect_input(batch, height, width);
    const TensorView<const float, 4> images(input, {batch, 3, height, width});
    return compute(*encoder, images, capi::features_options(options).features);
  });
}

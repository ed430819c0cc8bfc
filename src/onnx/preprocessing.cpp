#include "onnx/preprocessing.hpp"

namespace sapiens::onnx {

Images add_images(Graph& graph, const EncoderConfig& encoder, const OnnxOptions& options,
                  bool for_features) {
  Images images = images_of(encoder, options, for_features);
  const Value pixels =
      graph.input("images", Type::F32, {images.batch, 3, images.height, images.width});
  images.pixels = graph.to_compute("images", pixels);
  return images;
}

}  // namespace sapiens::onnx

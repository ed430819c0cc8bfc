#include "onnx/preprocessing.hpp"

#include "sapiens/error.hpp"

namespace sapiens::onnx {

Images add_images(Graph& graph, const EncoderConfig& encoder, const OnnxOptions& options, bool) {
  Images images{.pixels = {},
                .batch = options.batch > 0 ? Extent(options.batch) : Extent("N"),
                .height = encoder.grid.height * kPatch,
                .width = encoder.grid.width * kPatch};
  const Value pixels =
      graph.input("images", Type::F32, {images.batch, 3, images.height, images.width});
  images.pixels = graph.to_compute("images", pixels);
  return images;
}

}  // namespace sapiens::onnx

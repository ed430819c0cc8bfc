#include "onnx/encoder.hpp"

#include <limits>

namespace sapiens::onnx {
namespace {

constexpr Index kToEnd = std::numeric_limits<Index>::max();

}  // namespace

Encoded encode(Graph& graph, const EncoderConfig& config, const Images& images) {
  return config.family == Family::Sapiens2 ? encode_sapiens2(graph, config, images)
                                           : encode_sapiens(graph, config, images);
}

Value for_every_image(Graph& graph, const std::string& module, const Value& token, Index count,
                      Index width, const Images& images) {
  if (images.batch.is_fixed()) {
    if (images.batch.size == 1) return token;
    return graph.node("Expand", module, {token, graph.ints({images.batch.size, count, width})});
  }
  const Value batch =
      graph.node("Shape", module, {images.pixels}, {{"start", Index{0}}, {"end", Index{1}}});
  const Value shape =
      graph.node("Concat", module, {batch, graph.ints({count, width})}, {{"axis", Index{0}}});
  return graph.node("Expand", module, {token, shape});
}

Value featmap(Graph& graph, const EncoderConfig& config, const Encoded& encoded) {
  const Index extra = config.extra_tokens();
  const Value patches =
      extra > 0 ? slice(graph, "featmap", encoded.tokens, 1, extra, kToEnd) : encoded.tokens;
  const Value columns =
      graph.node("Transpose", "featmap", {patches}, {{"perm", std::vector<Index>{0, 2, 1}}});
  return graph.node("Reshape", "featmap", {columns, encoded.map_shape});
}

void add_feature_output(Graph& graph, const EncoderConfig& config, const Encoded& encoded,
                        OutType out_type) {
  const std::string name(out_type_name(out_type));
  const Index C = config.width;
  const Extent& N = encoded.batch;
  if (out_type == OutType::Featmap) {
    graph.output(name, featmap(graph, config, encoded),
                 {N, C, encoded.grid_height, encoded.grid_width});
  }
}

}  // namespace sapiens::onnx

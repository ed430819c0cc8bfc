#include "onnx/head.hpp"

#include <fmt/format.h>

#include <string>
#include <vector>

#include "model/params.hpp"

namespace sapiens::onnx {
namespace {

// silu(norm(x)) of every channel of every image. The norm has no parameters, and sums squares, so
// it is computed in float32.
Value norm_silu(Graph& graph, const std::string& module, const Value& x, Index channels) {
  constexpr float kEpsilon = 1e-5f;  // nn.InstanceNorm2d's default
  const auto every_channel = [&](float value) {
    return graph.floats(std::vector<float>(static_cast<std::size_t>(channels), value), {channels});
  };
  const Value normed = graph.node("InstanceNormalization", module,
                                  {graph.to_float(module, x), every_channel(1), every_channel(0)},
                                  {{"epsilon", kEpsilon}});
  return silu(graph, module, graph.to_compute(module, normed));
}

// Doubles height and width.
Value deconv(Graph& graph, const std::string& module, const Value& x) {
  return graph.node("ConvTranspose", module, {x, graph.weight(module + ".weight")},
                    {{"kernel_shape", std::vector<Index>{4, 4}},
                     {"strides", std::vector<Index>{2, 2}},
                     {"pads", std::vector<Index>{1, 1, 1, 1}}});
}

Value pointwise(Graph& graph, const std::string& module, const Value& x) {
  return graph.node("Conv", module,
                    {x, graph.weight(module + ".weight"), graph.weight(module + ".bias")},
                    {{"kernel_shape", std::vector<Index>{1, 1}}});
}

const char* output_name(Task task) noexcept {
  switch (task) {
    case Task::Pose:
      return "heatmaps";
    case Task::Depth:
      return "depth";
    case Task::Normal:
      return "normals";
    default:
      return "logits";
  }
}

}  // namespace

void add_head(Graph& graph, const EncoderConfig& encoder, const HeadConfig& head,
              const Encoded& encoded) {
  constexpr std::size_t kStep = 3;  // convolution, norm and activation
  const std::string prefix(head_prefix(head.task));
  Value x = featmap(graph, encoder, encoded);
  for (std::size_t i = 0; i < head.deconvs.size(); ++i) {
    const std::string module = fmt::format("{}deconv_layers.{}", prefix, kStep * i);
    x = norm_silu(graph, module, deconv(graph, module, x), head.deconvs[i].out);
  }
  for (std::size_t i = 0; i < head.convs.size(); ++i) {
    const std::string module = fmt::format("{}conv_layers.{}", prefix, kStep * i);
    x = norm_silu(graph, module, pointwise(graph, module, x), head.convs[i].out);
  }
  const Value map = pointwise(graph, fmt::format("{}{}", prefix, head_final_layer(head.task)), x);
  const auto scaled = [&](const Extent& patches, const char* symbol) {
    return patches.is_fixed() ? Extent(patches.size << head.deconvs.size()) : Extent(symbol);
  };
  graph.output(output_name(head.task), map,
               {encoded.batch, head.outputs, scaled(encoded.grid_height, "h"),
                scaled(encoded.grid_width, "w")});
}

}  // namespace sapiens::onnx

#include <fmt/format.h>

#include "onnx/attention.hpp"
#include "onnx/encoder.hpp"

namespace sapiens::onnx {
namespace {

// x += Attention(LN1(x)), then x += MLP(LN2(x))
Value block(Graph& graph, const std::string& name, const EncoderConfig& config, const Value& x) {
  const std::string attn = name + ".attn", ffn = name + ".ffn";
  const Value qkv = linear(graph, attn + ".qkv", layer_norm(graph, name + ".ln1", x));
  const std::vector<Value> parts =
      graph.nodes("Split", attn, 3, {qkv, graph.ints({config.width, config.width, config.width})},
                  {{"axis", Index{-1}}});
  const Value mixed = attention(graph, attn, attention_shape(config.width, config.heads), parts[0],
                                parts[1], parts[2]);
  const Value y = graph.node("Add", name + "/attn", {x, linear(graph, attn + ".proj", mixed)});
  const Value hidden = linear(graph, ffn + ".layers.0.0", layer_norm(graph, name + ".ln2", y));
  return graph.node("Add", name + "/ffn",
                    {y, linear(graph, ffn + ".layers.1", gelu(graph, ffn, hidden))});
}

}  // namespace

Encoded encode_sapiens(Graph& graph, const EncoderConfig& config, const Images& images) {
  const std::string embed = "backbone.patch_embed.projection";
  const Index C = config.width, E = config.extra_tokens();
  const Grid grid = patch_grid(images.size(), config.patch_padding);
  // Padding 0 completes the last patches at the right and at the bottom.
  const Index p = config.patch_padding;
  const std::vector<Index> pads =
      p > 0 ? std::vector<Index>{p, p, p, p}
            : std::vector<Index>{0, 0, grid.height * kPatch - images.height.size,
                                 grid.width * kPatch - images.width.size};
  const Value map =
      graph.node("Conv", embed,
                 {images.pixels, graph.weight(embed + ".weight"), graph.weight(embed + ".bias")},
                 {{"kernel_shape", std::vector<Index>{kPatch, kPatch}},
                  {"strides", std::vector<Index>{kPatch, kPatch}},
                  {"pads", pads}});
  const Value rows = graph.node("Reshape", embed, {map, graph.ints({0, C, -1})});
  Value x = graph.node("Transpose", embed, {rows}, {{"perm", std::vector<Index>{0, 2, 1}}});
  if (config.cls_token) {
    const Value cls = for_every_image(graph, "backbone.cls_token",
                                      graph.weight("backbone.cls_token"), E, C, images);
    x = graph.node("Concat", "backbone/tokens", {cls, x}, {{"axis", Index{1}}});
  }
  x = graph.node("Add", "backbone/positions", {x, graph.weight("backbone.pos_embed")});
  for (Index i = 0; i < config.depth; ++i) {
    x = block(graph, fmt::format("backbone.layers.{}", i), config, x);
  }
  return {.tokens = layer_norm(graph, "backbone.ln1", x),
          .map_shape = graph.ints({0, C, grid.height, grid.width}),
          .batch = images.batch,
          .grid_height = grid.height,
          .grid_width = grid.width};
}

}  // namespace sapiens::onnx

#include <fmt/format.h>

#include <string>
#include <vector>

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

// Images of any size fail here at run time where a side is shorter than a patch, as the engine
// refuses them.
Value at_least_one_patch(Graph& graph, const std::string& module, const Value& pixels) {
  const Value size = size_of(graph, module, pixels);
  const Value patches = graph.node("Div", module, {size, graph.ints({kPatch})});
  const Value is_one = graph.node("Min", module, {patches, graph.ints({1})});
  return expect_size(graph, module, pixels, graph.node("Mul", module, {size, is_one}));
}

// As many zeros to the right and at the bottom as complete the last patches of images of any size.
Value pad_to_patches(Graph& graph, const std::string& module, const Value& pixels) {
  const Value missing = graph.node(
      "Mod", module,
      {graph.node("Neg", module, {size_of(graph, module, pixels)}), graph.ints({kPatch})});
  const Value pads =
      graph.node("Concat", module, {graph.ints({0, 0, 0, 0, 0, 0}), missing}, {{"axis", Index{0}}});
  return graph.node("Pad", module, {pixels, pads});
}

// The table of positions for `grid`, I64 [2]; as `resize_positions` computes it.
Value resized_positions(Graph& graph, const EncoderConfig& config, const Value& table,
                        const Value& grid) {
  const std::string name = "backbone.pos_embed";
  const Index C = config.width, E = config.extra_tokens();
  const std::vector<Index> swapped{0, 2, 1};
  const Value all = graph.to_float(name, table);
  const Value rows = E > 0 ? slice(graph, name, all, 1, E, kToEnd) : all;
  const Value columns = graph.node("Transpose", name, {rows}, {{"perm", swapped}});
  const Value map = graph.node(
      "Reshape", name, {columns, graph.ints({1, C, config.grid.height, config.grid.width})});
  const Value size =
      graph.node("Concat", name + "/size", {graph.ints({1, C}), grid}, {{"axis", Index{0}}});
  const Value resized = graph.node("Resize", name, {map, "", "", size},
                                   {{"mode", "cubic"},
                                    {"cubic_coeff_a", -0.75f},
                                    {"coordinate_transformation_mode", "half_pixel"}});
  const Value flat = graph.node("Reshape", name, {resized, graph.ints({1, C, -1})});
  Value positions = graph.node("Transpose", name, {flat}, {{"perm", swapped}});
  if (E > 0) {
    positions = graph.node("Concat", name, {slice(graph, name, all, 1, 0, E), positions},
                           {{"axis", Index{1}}});
  }
  return graph.to_compute(name, positions);
}

}  // namespace

Encoded encode_sapiens(Graph& graph, const EncoderConfig& config, const Images& images) {
  const Index C = config.width, E = config.extra_tokens();
  Images seen = images;
  if (!images.has_fixed_size()) {
    seen.pixels = at_least_one_patch(graph, "backbone/at_least_one_patch", images.pixels);
    if (config.patch_padding == 0) {
      seen.pixels = pad_to_patches(graph, "backbone/pad", seen.pixels);
    }
  }
  Encoded encoded = embed_patches(graph, config, seen);
  Value x = encoded.tokens;
  if (config.cls_token) {
    const Value cls = for_every_image(graph, "backbone.cls_token",
                                      graph.weight("backbone.cls_token"), E, C, images);
    x = graph.node("Concat", "backbone/tokens", {cls, x}, {{"axis", Index{1}}});
  }
  Value positions = graph.weight("backbone.pos_embed");
  if (!images.has_fixed_size()) {
    positions = resized_positions(graph, config, positions, encoded.grid);
  }
  x = graph.node("Add", "backbone/positions", {x, positions});
  for (Index i = 0; i < config.depth; ++i) {
    x = block(graph, fmt::format("backbone.layers.{}", i), config, x);
  }
  encoded.tokens = layer_norm(graph, "backbone.ln1", x);
  return encoded;
}

}  // namespace sapiens::onnx

#include <fmt/format.h>

#include <cstddef>
#include <string>
#include <vector>

#include "model/rotations.hpp"
#include "onnx/attention.hpp"
#include "onnx/encoder.hpp"

namespace sapiens::onnx {
namespace {

// What rotary positions multiply a head [.., d] and its swapped halves by, both [T, 1, d]: the
// angles' cosines twice, and their sines, the first half negative.
struct Rotary {
  Value cosines, sines;
};

Rotary rotary_of(Graph& graph, const std::string& module, const Value& cos, const Value& sin) {
  const Attribute last{"axis", Index{-1}};
  const Value minus = graph.node("Neg", module, {sin});
  const Value cosines = graph.node("Concat", module + "/cosines", {cos, cos}, {last});
  const Value sines = graph.node("Concat", module + "/sines", {minus, sin}, {last});
  const auto table = [&](const std::string& name, const Value& x) {
    return graph.to_compute(name, graph.node("Unsqueeze", name, {x, graph.ints({1})}));
  };
  return {table(module + "/cosines", cosines), table(module + "/sines", sines)};
}

Rotary fixed_rotary(Graph& graph, const EncoderConfig& config, Grid grid) {
  const std::string module = "backbone/rotary";
  std::vector<float> table;
  const ConstMatrix rotations = rotations_of(config, grid, table);
  const Index T = rotations.extent(0), d = rotations.extent(1);
  const std::vector<Value> parts =
      graph.nodes("Split", module, 2, {graph.floats(table, {T, d}), graph.ints({d / 2, d / 2})},
                  {{"axis", Index{-1}}});
  return rotary_of(graph, module, parts[0], parts[1]);
}

// Angles [n, P] of the patches of one axis, n = `grid`[axis] of them: (2 i + 1) / n - 1 times the
// angle at 1.
Value axis_angles(Graph& graph, const std::string& module, const Value& grid, Index axis,
                  const Value& angles) {
  const Value count = graph.node("Gather", module, {grid, graph.index(axis)});
  const Value numbers = graph.node("Range", module, {graph.index(0), count, graph.index(1)});
  const Value twice =
      graph.node("Mul", module, {graph.cast(module, numbers, Type::F32), graph.floats({2}, {})});
  const Value one = graph.floats({1}, {});
  const Value share = graph.node(
      "Div", module,
      {graph.node("Add", module, {twice, one}), graph.cast(module + "/count", count, Type::F32)});
  const Value places = graph.node("Sub", module, {share, one});
  return graph.node("Mul", module + "/angles",
                    {graph.node("Unsqueeze", module, {places, graph.ints({1})}), angles});
}

// The same as `rotations_of` for `grid`, I64 [2].
Rotary rotary_inside(Graph& graph, const EncoderConfig& config, const Value& grid) {
  const std::string module = "backbone/rotary";
  const Index P = config.width / config.heads / 4, E = config.extra_tokens();
  std::vector<float> at_one;
  for (Index j = 0; j < P; ++j) at_one.push_back(static_cast<float>(rotation_angle(1, j, P)));
  const Value angles = graph.floats(at_one, {1, P});
  const Value rows = axis_angles(graph, module + "/rows", grid, 0, angles);
  const Value columns = axis_angles(graph, module + "/columns", grid, 1, angles);
  const Value shape =
      graph.node("Concat", module + "/shape", {grid, graph.ints({P})}, {{"axis", Index{0}}});
  // [gh, 1, P] and [1, gw, P] as [gh, gw, P], then next to each other for every patch.
  const Value all_rows =
      graph.node("Expand", module + "/rows",
                 {graph.node("Unsqueeze", module + "/rows", {rows, graph.ints({1})}), shape});
  const Value all_columns =
      graph.node("Expand", module + "/columns",
                 {graph.node("Unsqueeze", module + "/columns", {columns, graph.ints({0})}), shape});
  const Value map = graph.node("Concat", module, {all_rows, all_columns}, {{"axis", Index{-1}}});
  const Value patches = graph.node("Reshape", module, {map, graph.ints({-1, 2 * P})});
  const Value none =
      graph.floats(std::vector<float>(static_cast<std::size_t>(E * 2 * P), 0), {E, 2 * P});
  const Value tokens =
      graph.node("Concat", module + "/tokens", {none, patches}, {{"axis", Index{0}}});
  const Value cos = graph.node("Cos", module, {tokens});
  return rotary_of(graph, module, cos, graph.node("Sin", module, {tokens}));
}

// Queries or keys [N, T, heads d], every head normalised and rotated.
Value norm_rotate(Graph& graph, const std::string& norm, Index heads, Index head_dim,
                  const Rotary& rotary, const Value& x) {
  const Value split = graph.node("Reshape", norm, {x, graph.ints({0, 0, heads, head_dim})});
  const Value normed = rms_norm(graph, norm, split);
  const std::string module = norm + "/rotate";
  const Index half = head_dim / 2;
  const std::vector<Value> halves =
      graph.nodes("Split", module, 2, {normed, graph.ints({half, half})}, {{"axis", Index{-1}}});
  const Value swapped = graph.node("Concat", module, {halves[1], halves[0]}, {{"axis", Index{-1}}});
  const Value rotated = graph.node("Add", module,
                                   {graph.node("Mul", module, {normed, rotary.cosines}),
                                    graph.node("Mul", module, {swapped, rotary.sines})});
  return graph.node("Reshape", module, {rotated, graph.ints({0, 0, heads * head_dim})});
}

// x += gamma Attention(RMS(x)), then x += MLP(RMS(x))
Value sapiens2_block(Graph& graph, const std::string& name, const EncoderConfig& config, Index i,
                     const Rotary& rotary, const Value& x) {
  const std::string attn = name + ".attn", ffn = name + ".ffn";
  const AttentionShape shape{.heads = config.heads,
                             .kv_heads = config.kv_heads[static_cast<std::size_t>(i)],
                             .head_dim = config.width / config.heads};
  const Value h = rms_norm(graph, name + ".ln1", x);
  const Value q = norm_rotate(graph, attn + ".q_norm", shape.heads, shape.head_dim, rotary,
                              linear(graph, attn + ".wq", h));
  const Value k = norm_rotate(graph, attn + ".k_norm", shape.kv_heads, shape.head_dim, rotary,
                              linear(graph, attn + ".wk", h));
  const Value v = linear(graph, attn + ".wv", h);
  const Value mixed = linear(graph, attn + ".proj", attention(graph, attn, shape, q, k, v));
  const Value scaled =
      graph.node("Mul", attn + ".gamma", {mixed, graph.weight(attn + ".gamma.weight")});
  const Value y = graph.node("Add", name + "/attn", {x, scaled});

  const Index M = config.mlp_width;
  const Value pairs = linear(graph, ffn + ".w12", rms_norm(graph, name + ".ln2", y));
  const std::vector<Value> parts =
      graph.nodes("Split", ffn, 2, {pairs, graph.ints({M, M})}, {{"axis", Index{-1}}});
  const Value hidden = graph.node("Mul", ffn, {silu(graph, ffn, parts[0]), parts[1]});
  return graph.node("Add", name + "/ffn", {y, linear(graph, ffn + ".w3", hidden)});
}

// Images of any size fail here at run time unless they consist of complete patches.
Value only_complete_patches(Graph& graph, const std::string& module, const Value& pixels) {
  const Value side = graph.ints({kPatch});
  const Value patches = graph.node("Div", module, {size_of(graph, module, pixels), side});
  return expect_size(graph, module, pixels, graph.node("Mul", module, {patches, side}));
}

}  // namespace

Encoded encode_sapiens2(Graph& graph, const EncoderConfig& config, const Images& images) {
  const Index C = config.width, E = config.extra_tokens();
  Images seen = images;
  if (!images.has_fixed_size()) {
    seen.pixels = only_complete_patches(graph, "backbone/complete_patches", images.pixels);
  }
  Encoded encoded = embed_patches(graph, config, seen);
  const Rotary rotary = images.has_fixed_size()
                            ? fixed_rotary(graph, config, patch_grid(images.size(), 0))
                            : rotary_inside(graph, config, encoded.grid);
  const Value extra =
      graph.node("Concat", "backbone/extra_tokens",
                 {graph.weight("backbone.cls_token"), graph.weight("backbone.storage_tokens")},
                 {{"axis", Index{1}}});
  const Value in_front = for_every_image(graph, "backbone/extra_tokens", extra, E, C, images);
  Value x =
      graph.node("Concat", "backbone/tokens", {in_front, encoded.tokens}, {{"axis", Index{1}}});
  for (Index i = 0; i < config.depth; ++i) {
    x = sapiens2_block(graph, fmt::format("backbone.blocks.{}", i), config, i, rotary, x);
  }
  encoded.tokens = rms_norm(graph, "backbone.ln1", x);
  return encoded;
}

}  // namespace sapiens::onnx

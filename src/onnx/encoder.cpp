#include "onnx/encoder.hpp"

#include <cstddef>
#include <vector>

namespace sapiens::onnx {
namespace {

Value patches_of(Graph& graph, const std::string& module, const EncoderConfig& config,
                 const Encoded& encoded) {
  const Index extra = config.extra_tokens();
  return extra > 0 ? slice(graph, module, encoded.tokens, 1, extra, kToEnd) : encoded.tokens;
}

// The mean patch; that of Sapiens behind a norm without parameters.
Value average(Graph& graph, const std::string& module, const EncoderConfig& config,
              const Encoded& encoded) {
  const Value patches = graph.to_float(module, patches_of(graph, module, config, encoded));
  Value mean = graph.reduce("ReduceMean", module, patches, {1}, false);
  if (config.family == Family::Sapiens2) return mean;
  const auto width = static_cast<std::size_t>(config.width);
  const Value ones = graph.floats(std::vector<float>(width, 1), {config.width});
  const Value zeros = graph.floats(std::vector<float>(width, 0), {config.width});
  return layer_norm(graph, module, mean, ones, zeros);
}

}  // namespace

Images images_of(const EncoderConfig& config, const OnnxOptions& options, bool for_features) {
  const Extent batch = options.batch > 0 ? Extent(options.batch) : Extent("N");
  if (options.dynamic_size) return {.pixels = {}, .batch = batch, .height = "H", .width = "W"};
  Grid size{config.grid.height * kPatch, config.grid.width * kPatch};
  if (for_features) size = options.model.input_size.value_or(size);
  return {.pixels = {}, .batch = batch, .height = size.height, .width = size.width};
}

Encoded encode(Graph& graph, const EncoderConfig& config, const Images& images) {
  return config.family == Family::Sapiens2 ? encode_sapiens2(graph, config, images)
                                           : encode_sapiens(graph, config, images);
}

Encoded embed_patches(Graph& graph, const EncoderConfig& config, const Images& images) {
  const std::string embed = "backbone.patch_embed.projection";
  const Index p = config.patch_padding;
  std::vector<Index> pads{p, p, p, p};
  Encoded patches{.batch = images.batch, .grid_height = "gh", .grid_width = "gw"};
  if (images.has_fixed_size()) {
    const Grid size = images.size(), grid = patch_grid(size, p);
    // Padding 0 completes the last patches at the right and at the bottom.
    if (p == 0) {
      pads = {0, 0, grid.height * kPatch - size.height, grid.width * kPatch - size.width};
    }
    patches.grid_height = grid.height;
    patches.grid_width = grid.width;
  }
  const Value map =
      graph.node("Conv", embed,
                 {images.pixels, graph.weight(embed + ".weight"), graph.weight(embed + ".bias")},
                 {{"kernel_shape", std::vector<Index>{kPatch, kPatch}},
                  {"strides", std::vector<Index>{kPatch, kPatch}},
                  {"pads", pads}});
  if (!images.has_fixed_size()) patches.grid = size_of(graph, "backbone/grid", map);
  const Value rows = graph.node("Reshape", embed, {map, graph.ints({0, config.width, -1})});
  patches.tokens = graph.node("Transpose", embed, {rows}, {{"perm", std::vector<Index>{0, 2, 1}}});
  return patches;
}

// The number of pixels is then not that of the shape.
Value expect_size(Graph& graph, const std::string& module, const Value& pixels, const Value& size) {
  const Value in_front =
      graph.node("Shape", module, {pixels}, {{"start", Index{0}}, {"end", Index{2}}});
  const Value shape = graph.node("Concat", module, {in_front, size}, {{"axis", Index{0}}});
  return graph.node("Reshape", module, {pixels, shape}, {{"allowzero", Index{1}}});
}

Value size_of(Graph& graph, const std::string& module, const Value& x) {
  return graph.node("Shape", module, {x}, {{"start", Index{2}}, {"end", Index{4}}});
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
  const Value patches = patches_of(graph, "featmap", config, encoded);
  const Value columns =
      graph.node("Transpose", "featmap", {patches}, {{"perm", std::vector<Index>{0, 2, 1}}});
  const Value shape =
      encoded.grid_height.is_fixed()
          ? graph.ints({0, config.width, encoded.grid_height.size, encoded.grid_width.size})
          : graph.node("Concat", "featmap", {graph.ints({0, config.width}), encoded.grid},
                       {{"axis", Index{0}}});
  return graph.node("Reshape", "featmap", {columns, shape});
}

void add_feature_output(Graph& graph, const EncoderConfig& config, const Encoded& encoded,
                        OutType out_type) {
  const std::string name(out_type_name(out_type));
  const Index C = config.width, R = config.registers, E = config.extra_tokens();
  const Extent& N = encoded.batch;
  const Extent &gh = encoded.grid_height, &gw = encoded.grid_width;
  switch (out_type) {
    case OutType::Featmap:
      return graph.output(name, featmap(graph, config, encoded), {N, C, gh, gw});
    case OutType::Raw: {
      const Extent T = gh.is_fixed() ? Extent(E + gh.size * gw.size) : Extent("tokens");
      return graph.output(name, encoded.tokens, {N, T, C});
    }
    case OutType::ClsToken: {
      const Value token =
          graph.node("Gather", name, {encoded.tokens, graph.index(0)}, {{"axis", Index{1}}});
      return graph.output(name, token, {N, C});
    }
    case OutType::AvgFeatmap:
      return graph.output(name, average(graph, name, config, encoded), Type::F32, {N, C});
    case OutType::Registers:
      return graph.output(name, slice(graph, name, encoded.tokens, 1, E - R, E), {N, R, C});
  }
}

}  // namespace sapiens::onnx

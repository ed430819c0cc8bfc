#pragma once

#include "model/config.hpp"
#include "onnx/graph.hpp"

namespace sapiens::onnx {

/// The images that an encoder sees, [N, 3, H, W] in the compute type.
struct Images {
  Value pixels;
  Extent batch = 0;              ///< N, a number or a symbol.
  Extent height = 0, width = 0;  ///< H and W, both numbers or both symbols.

  bool has_fixed_size() const noexcept { return height.is_fixed(); }
  Grid size() const noexcept { return {height.size, width.size}; }
};

/// What an encoder makes of images. T = tokens, E = extra ones in front of the patches, C = width.
struct Encoded {
  Value tokens;     ///< [N, T, C], behind the final norm.
  Value map_shape;  ///< I64 [4]: the shape [N, C, gh, gw] of the map of patches, for Reshape.
  Extent batch = 0;
  Extent grid_height = 0, grid_width = 0;
};

/// Adds the encoder to the graph.
Encoded encode(Graph& graph, const EncoderConfig& config, const Images& images);

/// The patches as a map [N, C, gh, gw].
Value featmap(Graph& graph, const EncoderConfig& config, const Encoded& encoded);

/// Adds an output of that name for one form of features.
void add_feature_output(Graph& graph, const EncoderConfig& config, const Encoded& encoded,
                        OutType out_type);

// The encoders of the families, up to the final norm.
Encoded encode_sapiens(Graph& graph, const EncoderConfig& config, const Images& images);
Encoded encode_sapiens2(Graph& graph, const EncoderConfig& config, const Images& images);

/// `token` [1, n, C] for every image: [N, n, C].
Value for_every_image(Graph& graph, const std::string& module, const Value& token, Index count,
                      Index width, const Images& images);

}  // namespace sapiens::onnx

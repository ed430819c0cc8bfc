#pragma once

#include <string>

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

/// Their extents, still without pixels. As in the engine, features take images of exactly the size
/// that was asked for, and tasks (not `for_features`) those of complete patches.
Images images_of(const EncoderConfig& config, const OnnxOptions& options, bool for_features);

/// What an encoder makes of images. T = tokens, E = extra ones in front of the patches, C = width.
struct Encoded {
  Value tokens = {};  ///< [N, T, C], behind the final norm.
  Value grid = {};    ///< I64 [2]: gh and gw, if images have any size.
  Extent batch = 0;
  Extent grid_height = 0, grid_width = 0;
};

/// Adds the encoder to the graph.
Encoded encode(Graph& graph, const EncoderConfig& config, const Images& images);

/// The patches as a map [N, C, gh, gw].
Value featmap(Graph& graph, const EncoderConfig& config, const Encoded& encoded);

/// Adds an output of that name for one form of features, which the encoder has.
void add_feature_output(Graph& graph, const EncoderConfig& config, const Encoded& encoded,
                        OutType out_type);

// The encoders of the families, up to the final norm.
Encoded encode_sapiens(Graph& graph, const EncoderConfig& config, const Images& images);
Encoded encode_sapiens2(Graph& graph, const EncoderConfig& config, const Images& images);

/// The convolution of patches with the padding of `config`; `tokens` are its output alone,
/// [N, gh gw, C]. Images of any size have to consist of complete patches where the padding is 0.
Encoded embed_patches(Graph& graph, const EncoderConfig& config, const Images& images);

/// `pixels` [N, 3, H, W]. The graph fails at run time, at a node named after `module`, unless
/// `size`, I64 [2], is H and W. A 0 in it is never right.
Value expect_size(Graph& graph, const std::string& module, const Value& pixels, const Value& size);

/// I64 [2]: the extents of the last two axes of `x` [N, c, h, w].
Value size_of(Graph& graph, const std::string& module, const Value& x);

/// `token` [1, n, C] for every image: [N, n, C].
Value for_every_image(Graph& graph, const std::string& module, const Value& token, Index count,
                      Index width, const Images& images);

}  // namespace sapiens::onnx

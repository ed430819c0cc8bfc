#pragma once

#include <span>
#include <string>
#include <vector>

#include "model/param_loader.hpp"
#include "nn/attention_shape.hpp"

// Where 8 bits serve a whole row of activations, a channel with large numbers leaves few steps to
// the others. As in SmoothQuant (Xiao and others, 2022), such channels are divided by a factor
// where they are made, in the norm or the layer before, and the weights that take them are
// multiplied by it, until both have about equally much range. Factors are powers of two, so that
// the network computes the same but for the rounding to 8 bits. How large channels are is estimated
// from the weights alone.
namespace sapiens {

/// Factors of two layers, one behind the other; none unless `ParamLoader::quantizes`. The norm
/// before the first one is to be divided by `first.columns`.
struct SmoothedLayers {
  Int8Plan first, second;
};

/// The layers of q, k and v, and of the projection behind attention. `sizes` are how large the
/// inputs are.
SmoothedLayers smooth_attention(ParamLoader& params, std::span<const float> sizes,
                                std::span<const ParamLoader::Part> qkv, const AttentionShape& shape,
                                const std::string& proj);

/// An MLP whose activation lets no factor through: the first layer is smoothed, and the second one
/// is not quantized where its inputs differ too much in size.
SmoothedLayers smooth_mlp(ParamLoader& params, std::span<const float> sizes,
                          const ParamLoader::Part& first, const ParamLoader::Part& second);

/// An MLP of gates and values: `first` has 2 `hidden` outputs, first all gates, then all values,
/// and `second` has `hidden` inputs.
SmoothedLayers smooth_gated_mlp(ParamLoader& params, std::span<const float> sizes,
                                const ParamLoader::Part& first, const ParamLoader::Part& second);

/// How large the channels behind a norm are, in deviations: 3 |gamma| + |beta|. An empty beta is 0.
std::vector<float> sizes_behind_norm(std::span<const float> gamma, std::span<const float> beta);

/// sqrt(size / weight), relative to the median channel and rounded to a power of two; 1 where that
/// says nothing. `weights` are the largest weights that take each channel (WeightScan::columns).
std::vector<float> smoothing_factors(std::span<const float> sizes, std::span<const float> weights);

/// values[i] /= factors[i], or nothing without factors.
void divide(std::span<float> values, std::span<const float> factors);

}  // namespace sapiens

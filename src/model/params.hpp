#pragma once

#include <string_view>
#include <vector>

#include "model/config.hpp"
#include "reconcile/param_spec.hpp"

namespace sapiens {

/// Every tensor of the encoder, in checkpoint order: "backbone.*".
std::vector<ParamSpec> encoder_params(const EncoderConfig& config);

/// Every tensor of the MAE decoder on an encoder of `encoder_width`: "neck.*".
std::vector<ParamSpec> decoder_params(const DecoderConfig& config, Index encoder_width);

/// Every tensor of a task head: "head.*" for pose, "decode_head.*" for the others.
std::vector<ParamSpec> head_params(const HeadConfig& config);

/// "head." or "decode_head.".
std::string_view head_prefix(Task task) noexcept;
/// The final layer inside the head: "final_layer" or "conv_seg".
std::string_view head_final_layer(Task task) noexcept;

}  // namespace sapiens

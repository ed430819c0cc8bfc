#pragma once

#include <span>

#include "model/config.hpp"
#include "sapiens/features.hpp"

namespace sapiens {

/// Throws `Error(InvalidArgument)` if `out_type` needs a class token or registers and the encoder
/// has none.
void expect_out_type(const EncoderConfig& encoder, OutType out_type);

/// The same for each of `out_types`, of which there must be one or more, each once.
void expect_out_types(const EncoderConfig& encoder, std::span<const OutType> out_types);

}  // namespace sapiens

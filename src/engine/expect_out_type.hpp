#pragma once

#include "model/config.hpp"
#include "sapiens/features.hpp"

namespace sapiens {

/// Throws `Error(InvalidArgument)` if `out_type` needs a class token or registers and the encoder
/// has none.
void expect_out_type(const EncoderConfig& encoder, OutType out_type);

}  // namespace sapiens

#pragma once

#include <span>

#include "sapiens/tensor_view.hpp"

namespace sapiens {

/// Patch tokens of one image [N, C] as a map [C, N] (that is [C, gh, gw]): `featmap` of the
/// original.
void tokens_to_map(ConstMatrix patches, std::span<float> map);

/// LayerNorm (weight 1, bias 0, eps 1e-6) of the mean patch token: `avg_featmap` of the original,
/// whose `ln2` exists in no published file and keeps the values it is constructed with.
void average_tokens(ConstMatrix patches, std::span<float> average);

}  // namespace sapiens

#pragma once

#include <vector>

#include "sapiens/stop_check.hpp"
#include "sapiens/tensor_view.hpp"

namespace sapiens {

inline constexpr Index kComponents = 3;

/// Projects the tokens of a [C, gh, gw] feature map onto their first three principal components:
/// [3, gh * gw], largest variance first, in units of the largest feature. A component's sign makes
/// its largest weight positive, so equal features always give equal results. Components that do not
/// exist (fewer channels or tokens) are zero; a token with NaN or infinity projects to NaN.
std::vector<float> principal_components(TensorView<const float, 3> featmap,
                                        const StopCheck& check = {});

}  // namespace sapiens

#pragma once

#include <vector>

#include "checkpoint/state_dict.hpp"

namespace sapiens {

/// Which key point each of `count` becomes in a mirrored picture: what training wrote into the file
/// (`meta.dataset_meta.flip_indices`), else those of the published set of that many points, else
/// nothing.
std::vector<int> mirror_partners(const StateDict& dict, Index count);

}  // namespace sapiens

#pragma once

#include <span>
#include <string>
#include <vector>

#include "checkpoint/state_dict.hpp"
#include "sapiens/labels.hpp"

namespace sapiens {

/// The published set of `count` keypoints, unless `names` says that these are others; null where
/// there is none.
const KeypointSet* published_keypoints(std::span<const std::string> names, Index count);

/// Which keypoint each of `count` becomes in a mirrored image: what training wrote into the file
/// (`meta.dataset_meta.flip_indices`), else those of the published set of that many points, else
/// nothing.
std::vector<int> mirror_partners(const StateDict& dict, Index count);

}  // namespace sapiens

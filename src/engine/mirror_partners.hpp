#pragma once

#include <span>
#include <string>
#include <vector>

#include "checkpoint/state_dict.hpp"
#include "sapiens/labels.hpp"

namespace sapiens {

/// The published set of `count` keypoints, or null if there is none or `names` differ from it.
const KeypointSet* published_keypoints(std::span<const std::string> names, Index count);

/// The mirror partner of each of `count` keypoints: from the file
/// (`meta.dataset_meta.flip_indices`), otherwise from the published set with as many keypoints,
/// otherwise empty.
std::vector<int> mirror_partners(const StateDict& dict, Index count);

}  // namespace sapiens

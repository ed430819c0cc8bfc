#pragma once

#include <vector>

#include "sapiens/labels.hpp"

namespace sapiens {

extern const KeypointSet kCocoKeypoints;           // 17 points
extern const KeypointSet kCocoWholeBodyKeypoints;  // 133 points
extern const KeypointSet kGoliathKeypoints;        // 308 points, in their own order

// These sets belong to other programs and not to a model; `KeypointConversion` makes poses in them.
extern const KeypointSet kOpenPose18Keypoints;
extern const KeypointSet kOpenPose25Keypoints;

/// The `mirror` of every point, as flip testing needs it.
std::vector<int> flip_partners(const KeypointSet& set);

}  // namespace sapiens

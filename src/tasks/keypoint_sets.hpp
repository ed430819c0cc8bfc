#pragma once

#include <vector>

#include "sapiens/labels.hpp"

namespace sapiens {

extern const KeypointSet kCocoKeypoints;           // 17 points
extern const KeypointSet kCocoWholeBodyKeypoints;  // 133 points
extern const KeypointSet kGoliathKeypoints;        // 308 points, in an order of their own

// No model's, but of other programs; `KeypointConversion` makes poses in them.
extern const KeypointSet kOpenPose18Keypoints;
extern const KeypointSet kOpenPose25Keypoints;

/// `mirror` of every point, as the flip test takes it.
std::vector<int> flip_partners(const KeypointSet& set);

}  // namespace sapiens

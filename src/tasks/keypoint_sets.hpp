#pragma once

#include <vector>

#include "sapiens/labels.hpp"

namespace sapiens {

extern const KeypointSet kCocoKeypoints;           // 17 points
extern const KeypointSet kCocoWholeBodyKeypoints;  // 133 points
extern const KeypointSet kGoliathKeypoints;        // 308 points, in an order of their own

/// `mirror` of every point, as the flip test takes it.
std::vector<int> flip_partners(const KeypointSet& set);

}  // namespace sapiens

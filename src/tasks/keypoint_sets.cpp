#include "tasks/keypoint_sets.hpp"

#include <algorithm>
#include <iterator>

namespace sapiens {

const KeypointSet* find_keypoint_set(Index count) noexcept {
  for (const KeypointSet* set : {&kCocoKeypoints, &kCocoWholeBodyKeypoints, &kGoliathKeypoints}) {
    if (std::ssize(set->keypoints) == count) return set;
  }
  return nullptr;
}

std::vector<int> flip_partners(const KeypointSet& set) {
  std::vector<int> partners;
  std::transform(set.keypoints.begin(), set.keypoints.end(), std::back_inserter(partners),
                 [](const KeypointInfo& point) { return point.mirror; });
  return partners;
}

}  // namespace sapiens

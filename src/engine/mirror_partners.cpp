#include "engine/mirror_partners.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "engine/dataset_meta.hpp"
#include "tasks/keypoint_sets.hpp"

namespace sapiens {
namespace {

// Mirroring twice changes nothing, or this is no table of partners.
bool is_involution(const std::vector<int>& partners) {
  for (std::size_t k = 0; k < partners.size(); ++k) {
    const auto partner = static_cast<std::size_t>(partners[k]);
    if (static_cast<std::size_t>(partners[partner]) != k) return false;
  }
  return true;
}

std::vector<int> recorded_partners(const DatasetMeta& meta, Index count) {
  std::vector<int> partners;
  for (Index k = 0; k < count; ++k) {
    const auto partner = meta.index(fmt::format("flip_indices.{}", k), count);
    if (!partner) return {};
    partners.push_back(*partner);
  }
  return is_involution(partners) ? partners : std::vector<int>{};
}

}  // namespace

const KeypointSet* published_keypoints(std::span<const std::string> names, Index count) {
  const KeypointSet* const set = find_keypoint_set(count);
  if (!set || names.empty()) return set;
  return std::ranges::equal(set->keypoints, names, {}, &KeypointInfo::name) ? set : nullptr;
}

std::vector<int> mirror_partners(const StateDict& dict, Index count) {
  const DatasetMeta meta(dict);
  std::vector<int> partners = recorded_partners(meta, count);
  if (!partners.empty()) return partners;
  const KeypointSet* const published = published_keypoints(meta.keypoint_names(count), count);
  return published != nullptr ? flip_partners(*published) : partners;
}

}  // namespace sapiens

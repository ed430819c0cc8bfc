#include "engine/mirror_partners.hpp"

#include <fmt/format.h>

#include <charconv>

#include "tasks/keypoint_sets.hpp"

namespace sapiens {
namespace {

// Mirroring twice changes nothing, or this is no table of partners.
bool is_involution(const std::vector<int>& partners) {
  for (std::size_t k = 0; k < partners.size(); ++k) {
    const auto partner = static_cast<std::size_t>(partners[k]);
    if (partner >= partners.size() || static_cast<std::size_t>(partners[partner]) != k)
      return false;
  }
  return true;
}

std::vector<int> recorded_partners(const StateDict& dict, Index count) {
  std::vector<int> partners;
  for (Index k = 0; k < count; ++k) {
    const auto entry = dict.metadata.find(fmt::format("meta.dataset_meta.flip_indices.{}", k));
    if (entry == dict.metadata.end()) return {};
    const std::string& text = entry->second;
    int partner = -1;
    std::from_chars(text.data(), text.data() + text.size(), partner);
    if (partner < 0) return {};
    partners.push_back(partner);
  }
  return is_involution(partners) ? partners : std::vector<int>{};
}

}  // namespace

std::vector<int> mirror_partners(const StateDict& dict, Index count) {
  std::vector<int> partners = recorded_partners(dict, count);
  if (!partners.empty()) return partners;
  const KeypointSet* const published = find_keypoint_set(count);
  return published != nullptr ? flip_partners(*published) : partners;
}

}  // namespace sapiens

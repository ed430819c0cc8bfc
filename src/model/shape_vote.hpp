#pragma once

#include <algorithm>
#include <map>
#include <string>

#include "model/detect.hpp"

namespace sapiens {

// Sizes beyond these belong to no vision transformer; they bound what a hostile file can make us
// plan.
inline constexpr Index kMaxWidth = 1 << 15;
inline constexpr Index kMaxDepth = 1000;

/// The size that most tensors agree on, so that one damaged tensor does not decide what the model
/// is.
class ShapeVote {
 public:
  /// Votes for the extent of `axis` of parameter `key`, or for that divided by `divisor` where it
  /// is a multiple.
  void add(const OfferedShapes& offered, const std::string& key, std::size_t axis,
           Index divisor = 1) {
    const auto shape = offered.find(key);
    if (!shape || axis >= shape->size() || (*shape)[axis] % divisor != 0) return;
    const Index size = (*shape)[axis] / divisor;
    if (size > 0 && size <= kMaxWidth) ++votes_[size];
  }

  /// 0 without any vote.
  Index winner() const {
    const auto best =
        std::ranges::max_element(votes_, {}, [](const auto& vote) { return vote.second; });
    return best == votes_.end() ? 0 : best->first;
  }

 private:
  std::map<Index, int> votes_;
};

}  // namespace sapiens

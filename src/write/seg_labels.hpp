#pragma once

#include <array>
#include <cstdint>
#include <opencv2/core/mat.hpp>
#include <vector>

#include "sapiens/results.hpp"
#include "sapiens/stop_check.hpp"
#include "write/class_look.hpp"

namespace sapiens {

/// How many pixels of each class there are in each row.
class ClassRows {
 public:
  explicit ClassRows(const Segmentation& segmentation, const StopCheck& check = {});

  std::uint32_t count(int id, Index y) const noexcept { return counts_[y * ClassLook::kIds + id]; }
  Index area(int id) const noexcept { return areas_[id]; }
  /// The classes that occur, largest first.
  std::vector<int> by_area() const;
  /// The row with most pixels of a class, the first of several.
  Index longest(int id) const noexcept;

 private:
  Index height_;
  std::vector<std::uint32_t> counts_;  // [height, kIds]
  std::array<Index, ClassLook::kIds> areas_{};
};

/// The name of every class on the middle pixel of the row where it has most, or of a row nearby
/// where that place is taken. A class has none where its label would cover as much as there is of
/// it, and the background never.
void draw_seg_labels(cv::Mat& panel, const Segmentation& segmentation, const ClassRows& rows,
                     const ClassLook& look);

}  // namespace sapiens

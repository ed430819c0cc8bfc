#pragma once

#include <array>
#include <cstdint>
#include <opencv2/core/mat.hpp>
#include <vector>

#include "sapiens/results.hpp"
#include "sapiens/stop_check.hpp"
#include "write/class_look.hpp"

namespace sapiens {

/// The number of pixels of each class in each row.
class ClassRows {
 public:
  explicit ClassRows(const Segmentation& segmentation, const StopCheck& check = {});

  std::uint32_t count(int id, Index y) const noexcept { return counts_[y * ClassLook::kIds + id]; }
  Index area(int id) const noexcept { return areas_[id]; }
  /// The classes that occur, largest first.
  std::vector<int> by_area() const;
  /// The row with the most pixels of a class, the first of several.
  Index longest(int id) const noexcept;

 private:
  Index height_;
  std::vector<std::uint32_t> counts_;  // [height, kIds]
  std::array<Index, ClassLook::kIds> areas_{};
};

/// Draws the name of every class on the middle pixel of the row where it has the most pixels, or of
/// a row nearby where that place is taken. Classes whose label would cover them, and the
/// background, get none.
void draw_seg_labels(cv::Mat& panel, const Segmentation& segmentation, const ClassRows& rows,
                     const ClassLook& look);

}  // namespace sapiens

#pragma once

#include <span>
#include <string_view>

#include "image/rgb.hpp"
#include "sapiens/tensor_view.hpp"

namespace sapiens {

/// One class of a segmentation; class 0 is the background.
struct SegClass {
  std::string_view name = {};
  Rgb color = {};
  int mirror = 0;  ///< The class that it becomes in a mirrored picture.
};

struct SegClassSet {
  std::string_view dataset = {};
  std::span<const SegClass> classes = {};
};

/// The published set of that many classes (28, 20, 19); null where there is none.
const SegClassSet* find_seg_classes(Index count) noexcept;

}  // namespace sapiens

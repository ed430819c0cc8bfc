#pragma once

#include <cstdint>
#include <type_traits>
#include <variant>
#include <vector>

#include "sapiens/float_array.hpp"
#include "sapiens/tensor_view.hpp"

namespace sapiens {

/// A rectangle in pixels of an image; it may reach beyond the image.
struct Box {
  float x = 0, y = 0;  ///< Left and top edge.
  float width = 0, height = 0;
  float score = 1;  ///< Of the detector that found it.
};

struct Keypoint {
  float x = 0, y = 0;  ///< Pixels of the image; may lie outside it.
  float score = 0;     ///< Height of the heatmap's peak, about 0 to 1; not clipped.
};

/// One person, in the order of the model's keypoints.
struct Pose {
  Box box = {};
  std::vector<Keypoint> keypoints = {};
};

/// Class per pixel of the image, rows top to bottom.
struct Segmentation {
  Index width = 0, height = 0;
  Index classes = 0;
  std::vector<std::uint8_t> ids = {};  ///< The most likely class; 0 is the background.
};

/// Relative depth of every pixel, larger is farther; about 0 to 1 on the person, meaningless on the
/// background.
struct DepthMap {
  FloatArray values = {};  ///< [H, W]
};

/// Surface normals of every pixel: unit vectors; x is the horizontal component.
struct NormalMap {
  FloatArray values = {};  ///< [H, W, 3]
};

/// What a task makes of an image, or pose of a person. The alternatives are in the order of the
/// tasks.
using Result = std::variant<Pose, Segmentation, DepthMap, NormalMap>;

/// The numbers of a map, which is a result with `values` for every pixel: depths, normals. Null for
/// a result that is none.
template <typename AnyResult>
auto* map_of(AnyResult& result) noexcept {
  using Array = std::conditional_t<std::is_const_v<AnyResult>, const FloatArray, FloatArray>;
  return std::visit(
      [](auto& found) -> Array* {
        if constexpr (requires { found.values; }) {
          return &found.values;
        } else {
          return nullptr;
        }
      },
      result);
}

}  // namespace sapiens

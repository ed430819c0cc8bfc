#pragma once

#include <cstdint>
#include <type_traits>
#include <variant>
#include <vector>

#include "sapiens/float_array.hpp"
#include "sapiens/tensor_view.hpp"

namespace sapiens {

/// A rectangle in pixels of an image; it may extend beyond the image.
struct Box {
  float x = 0, y = 0;           ///< Left and top edge.
  float width = 0, height = 0;  ///< Size.
  float score = 1;              ///< Score of the detector, 0 to 1.
};

/// A keypoint of a person.
struct Keypoint {
  float x = 0, y = 0;  ///< Position in pixels of the image; may be outside of it.
  float score = 0;     ///< Value of the heatmap at its peak, about 0 to 1, not clipped.
};

/// The pose of one person.
struct Pose {
  Box box = {};                          ///< The box that the person was cropped by.
  std::vector<Keypoint> keypoints = {};  ///< In the order of `TaskModel::keypoint_set`.
};

/// The class of every pixel of an image.
struct Segmentation {
  Index width = 0, height = 0;         ///< Size of the image in pixels.
  Index classes = 0;                   ///< Number of classes of the model.
  std::vector<std::uint8_t> ids = {};  ///< [height * width], row-major; 0 is the background.
};

/// Relative depth of every pixel of an image: larger is farther, about 0 to 1 on the person, not
/// meaningful on the background.
struct DepthMap {
  FloatArray values = {};  ///< [H, W] of the image.
};

/// Surface normals of every pixel of an image as unit vectors (x, y, z), where x is horizontal.
struct NormalMap {
  FloatArray values = {};  ///< [H, W, 3] of the image.
};

/// The result of a task for an image or, for pose, for a person. The alternatives have the order of
/// `Task`.
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

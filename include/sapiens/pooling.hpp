#pragma once

#include <cstdint>
#include <span>

#include "sapiens/float_array.hpp"
#include "sapiens/report.hpp"
#include "sapiens/results.hpp"
#include "sapiens/tensor_view.hpp"

namespace sapiens {

/// Where the patches of a map lie in an image. The image is resized to the input of the network
/// without keeping its aspect ratio, so that positions are scaled by each side's own factor. A
/// patch has 16 x 16 pixels of the input; with padding the first ones begin before it, and the last
/// ones may end beyond it or short of it. What is beyond the image does not count.
struct PatchPlacement {
  Grid image = {};    ///< Size of the image in pixels.
  Grid input = {};    ///< Size in pixels that it was resized to.
  Index padding = 0;  ///< Zero pixels before the first patch of each axis: 0 or 2.
};

// Each function reduces the map [C, gh, gw] of one image (OutType::Featmap). Sums are in double
// precision. Throws `Error`: InvalidArgument as described, ShapeMismatch for an empty map and for a
// map that does not belong to the placement.

/// The mean over all patches, [C].
FloatArray pool_mean(TensorView<const float, 3> featmap);

/// The map reduced to `grid` cells, [C, grid.height, grid.width]: each cell is the mean of the
/// patches below it, weighted with the overlap where the sizes do not divide. Throws
/// InvalidArgument for a grid with a side below 1 or above the map's.
FloatArray pool_grid(TensorView<const float, 3> featmap, Grid grid);

/// The mean of the patches under a mask, [C]. `mask` has one value per pixel of the image, row by
/// row, and other values than 0 are the mask. A patch weighs as much as the share of its part of
/// the image that the mask covers. Throws InvalidArgument for a mask that covers no patch.
FloatArray pool_mask(TensorView<const float, 3> featmap, std::span<const std::uint8_t> mask,
                     const PatchPlacement& placement);

/// The mean of the patches under each box, [boxes, C], weighted likewise. Boxes are in pixels of
/// the image and may extend beyond it. Throws InvalidArgument for a box that covers no patch, and
/// for one that is not finite.
FloatArray pool_boxes(TensorView<const float, 3> featmap, std::span<const Box> boxes,
                      const PatchPlacement& placement);

}  // namespace sapiens

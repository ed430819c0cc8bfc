#pragma once

#include <cstdint>
#include <span>

#include "sapiens/image.hpp"
#include "sapiens/labels.hpp"
#include "sapiens/results.hpp"
#include "sapiens/tensor_view.hpp"

namespace sapiens {

// Pictures of results. Each throws `Error(InvalidArgument)` unless the result is of the picture's
// size.

/// The first three principal components of a [C, gh, gw] feature map as red, green and blue,
/// enlarged to the picture and laid over it, the plain picture at the left.
Image draw_features(const Image& picture, TensorView<const float, 3> featmap);

/// The picture, and beside it the picture blended half and half with the colours of its classes:
/// those of `set` where it is given and long enough, made up otherwise.
Image draw_segmentation(const Image& picture, const Segmentation& segmentation,
                        const SegClassSet* set = nullptr);

/// The picture, and beside it the depth [H, W], near bright and far dark, scaled to what lies under
/// `mask` (one byte per pixel, not 0: draw it; an empty mask stands for all pixels). The rest is
/// grey, all of it where nothing is under the mask.
Image draw_depth(const Image& picture, TensorView<const float, 2> depth,
                 std::span<const std::uint8_t> mask = {});

/// The picture, and beside it the normals [H, W, 3]: x, y, z from -1 to 1 as red, green, blue from
/// 0 to 255; black where the mask is 0.
Image draw_normals(const Image& picture, TensorView<const float, 3> normals,
                   std::span<const std::uint8_t> mask = {});

struct PoseDrawing {
  float least_score = 0.3f;  ///< Points below are not drawn, nor the links that end there.
};

/// The picture with the links and points of every person; their size follows the person's. With
/// `set`, its links and colours are used where it has as many points; otherwise only points are
/// drawn.
Image draw_pose(const Image& picture, std::span<const Pose> poses, const KeypointSet* set = nullptr,
                const PoseDrawing& drawing = {});

}  // namespace sapiens

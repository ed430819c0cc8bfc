#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "sapiens/image.hpp"
#include "sapiens/labels.hpp"
#include "sapiens/reconstruct.hpp"
#include "sapiens/results.hpp"
#include "sapiens/stop_check.hpp"
#include "sapiens/tensor_view.hpp"

namespace sapiens {

// Images of results. Each throws `Error(InvalidArgument)` unless the result is of the image's
// size, and for options out of their range, and what `check` throws.

/// The first three principal components of a [C, gh, gw] feature map as red, green and blue,
/// enlarged to the image and laid over it, the plain image at the left.
Image draw_features(const Image& image, TensorView<const float, 3> featmap,
                    const StopCheck& check = {});

/// What the network saw, what it makes of that, and the original, beside each other.
Image draw_reconstruction(const Reconstruction& reconstruction);

struct SegDrawing {
  float opacity = 0.5f;      ///< Of the colours: 0 shows the image, 1 nothing but colours.
  bool labels = true;        ///< Names in the larger regions.
  bool legend = true;        ///< Colours and names of the classes that occur, largest first.
  bool side_by_side = true;  ///< The plain image at the left.
};

/// The image, and beside it the image blended with the colours of its classes: those of `set`
/// where it has as many classes, made up otherwise, as are the names.
///
/// Letters grow with the image. A region that its label would hide has none, nor has the
/// background. The legend is a column at the right whose width depends on the sizes of image and
/// set alone, so that the frames of a video stay of one size; images lower than a few lines of
/// text or narrower than the column have none.
Image draw_segmentation(const Image& image, const Segmentation& segmentation,
                        const SegClassSet* set = nullptr, const SegDrawing& drawing = {},
                        const StopCheck& check = {});

struct DepthDrawing {
  bool normals = true;       ///< A panel more: the surface that the depths describe.
  bool side_by_side = true;  ///< The plain image at the left.
};

/// The image, and beside it the depth [H, W], near bright and far dark, scaled to what lies under
/// `mask` (one byte per pixel, not 0: draw it; an empty mask stands for all pixels). The rest is
/// grey. Then normals made from the depth, as `draw_normals` draws them but with z away from the
/// viewer; black within three pixels of the mask's edge. Both are grey where nothing is under the
/// mask.
Image draw_depth(const Image& image, TensorView<const float, 2> depth,
                 std::span<const std::uint8_t> mask = {}, const DepthDrawing& drawing = {},
                 const StopCheck& check = {});

struct NormalDrawing {
  bool side_by_side = true;  ///< The plain image at the left.
};

/// The image, and beside it the normals [H, W, 3]: x, y, z from -1 to 1 as red, green, blue from
/// 0 to 255; black where the mask is 0.
Image draw_normals(const Image& image, TensorView<const float, 3> normals,
                   std::span<const std::uint8_t> mask = {}, const NormalDrawing& drawing = {},
                   const StopCheck& check = {});

struct MapDrawing {
  bool side_by_side = true;  ///< The plain image at the left, and the second panel of depths.
};

/// A map as the function for it draws it: `draw_depth`, `draw_normals`. Throws
/// `Error(InvalidArgument)` for keypoints and classes too.
Image draw_map(const Image& image, const Result& map, std::span<const std::uint8_t> mask = {},
               const MapDrawing& drawing = {}, const StopCheck& check = {});

struct PoseDrawing {
  float min_score = 0.3f;  ///< Points below are not drawn, nor the links that end there.
  float radius = 0;        ///< Of points, in pixels; 0: grows with the person.
  float thickness = 0;     ///< Of links and boxes, in pixels; 0: grows with the person.
  float alpha = 1;         ///< Of all that is drawn, from 0 to 1.
  bool boxes = false;      ///< The box of each person.
  /// A text per person, such as an identity; drawn at a corner of the box. Empty: none.
  std::span<const std::string> labels = {};
};

/// The image with the links and points of every person. With `set`, its links and colours are
/// used where it has as many points; otherwise only points are drawn. Points without links, such as
/// those of the face in sets of 133 and 308, lie close and are drawn smaller than joints.
Image draw_pose(const Image& image, std::span<const Pose> poses, const KeypointSet* set = nullptr,
                const PoseDrawing& drawing = {}, const StopCheck& check = {});

/// Images in rows and titled columns, on white: results of several commands on one page.
class ContactSheet {
 public:
  /// Throws `Error(InvalidArgument)` without a title, and for heights outside of 16 to 4096.
  explicit ContactSheet(std::vector<std::string> titles, Index row_height = 256);

  /// Keeps a copy of `image`, scaled to the height of a row; rows and columns count from 0, and
  /// places that were never set stay blank. Throws `Error(InvalidArgument)` for images whose
  /// pixels are not all there, or 32 times as wide as high, for a column without a title, and from
  /// row 10000 on; OutOfResources for more than 2^28 pixels in all.
  void set(Index row, Index column, const Image& image);

  /// Columns are as wide as their widest image or title. Throws `Error(OutOfResources)` for more
  /// than 2^28 pixels.
  Image draw() const;

 private:
  std::vector<std::string> titles_;
  Index row_height_;
  Index pixels_ = 0;                      // of all images, scaled
  std::vector<std::vector<Image>> rows_;  // of as many as there are titles; blank: width 0
};

}  // namespace sapiens

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

// Drawings of results. Every function returns a new image and throws `Error(InvalidArgument)` when
// the result does not have the size of the image or an option is out of range. Exceptions of
// `check` pass through.

/// Draws the first three principal components of a feature map [C, gh, gw] as red, green and blue,
/// resized to the image and blended with it, to the right of the unchanged image.
Image draw_features(const Image& image, TensorView<const float, 3> featmap,
                    const StopCheck& check = {});

/// Draws the masked input, the reconstruction and the original, from left to right.
Image draw_reconstruction(const Reconstruction& reconstruction);

/// Options of `draw_segmentation`.
struct SegDrawing {
  float opacity = 0.5f;      ///< Opacity of the colours, 0 to 1.
  bool labels = true;        ///< Draw class names in the larger regions.
  bool legend = true;        ///< List the classes that occur, by falling number of pixels.
  bool side_by_side = true;  ///< Put the unchanged image to the left.
};

/// Draws the image blended with the colours of its classes. Colours and names are those of `set` if
/// it has as many classes as the segmentation; otherwise they are generated.
///
/// The size of text grows with the image. Regions that are smaller than their label, and the
/// background, are not labelled. The legend is a column at the right. Its width depends only on the
/// size of the image and on the set, so that all frames of a video have one size. Images that are
/// too small for the legend have none.
Image draw_segmentation(const Image& image, const Segmentation& segmentation,
                        const SegClassSet* set = nullptr, const SegDrawing& drawing = {},
                        const StopCheck& check = {});

/// Options of `draw_depth`.
struct DepthDrawing {
  bool normals = true;       ///< Add a panel with surface normals computed from the depth.
  bool side_by_side = true;  ///< Put the unchanged image to the left.
};

/// Draws the depth [H, W] with near pixels bright and far pixels dark, scaled to the range under
/// `mask`. The mask has one byte per pixel, where a value other than 0 selects the pixel; an empty
/// mask selects all pixels. Other pixels are grey. The panel of normals is drawn like
/// `draw_normals`, but with z pointing away from the viewer, and is black within three pixels of
/// the edge of the mask. If the mask selects no pixel, both panels are grey.
Image draw_depth(const Image& image, TensorView<const float, 2> depth,
                 std::span<const std::uint8_t> mask = {}, const DepthDrawing& drawing = {},
                 const StopCheck& check = {});

/// Options of `draw_normals`.
struct NormalDrawing {
  bool side_by_side = true;  ///< Put the unchanged image to the left.
};

/// Draws the normals [H, W, 3]: x, y, z from -1 to 1 become red, green, blue from 0 to 255. Pixels
/// where the mask is 0 are black; an empty mask selects all pixels.
Image draw_normals(const Image& image, TensorView<const float, 3> normals,
                   std::span<const std::uint8_t> mask = {}, const NormalDrawing& drawing = {},
                   const StopCheck& check = {});

/// Options of `draw_map`.
struct MapDrawing {
  bool side_by_side = true;  ///< Draw the plain image at the left, and the second panel of depths.
};

/// Draws a depth or normal map with `draw_depth` or `draw_normals`. Throws
/// `Error(InvalidArgument)` like these, and for keypoints and classes.
Image draw_map(const Image& image, const Result& map, std::span<const std::uint8_t> mask = {},
               const MapDrawing& drawing = {}, const StopCheck& check = {});

/// Options of `draw_pose`.
struct PoseDrawing {
  float min_score = 0.3f;  ///< Keypoints with lower scores, and their links, are not drawn.
  float radius = 0;        ///< Radius of keypoints in pixels; 0: proportional to the person.
  float thickness = 0;     ///< Of links and boxes, in pixels; 0: proportional to the person.
  float alpha = 1;         ///< Opacity of the drawing, 0 to 1.
  bool boxes = false;      ///< Draw the box of each person.
  /// One text per person, such as a track id, drawn at a corner of the box. Empty: no texts.
  std::span<const std::string> labels = {};
};

/// Draws keypoints and links of every person over the image. Links and colours are those of `set`
/// if it has as many keypoints as the poses; otherwise only keypoints are drawn. Keypoints without
/// links, such as those of the face in the sets of 133 and 308, are drawn smaller.
Image draw_pose(const Image& image, std::span<const Pose> poses, const KeypointSet* set = nullptr,
                const PoseDrawing& drawing = {}, const StopCheck& check = {});

/// Arranges images in rows and titled columns on a white background.
class ContactSheet {
 public:
  /// One column per title. `row_height` is in pixels. Throws `Error(InvalidArgument)` when there is
  /// no title, and for heights outside of 16 to 4096.
  explicit ContactSheet(std::vector<std::string> titles, Index row_height = 256);

  /// Stores a copy of `image`, scaled to the row height. Rows and columns count from 0; cells that
  /// are not set stay blank. Throws `Error(InvalidArgument)` for an image whose buffer does not
  /// match its size or which is 32 times as wide as high, for a column without a title and for rows
  /// from 10000 on; OutOfResources for more than 2^28 pixels in total.
  void set(Index row, Index column, const Image& image);

  /// Draws the sheet. Columns are as wide as their widest image or title. Throws
  /// `Error(OutOfResources)` for more than 2^28 pixels.
  Image draw() const;

 private:
  std::vector<std::string> titles_;
  Index row_height_;
  Index pixels_ = 0;                      // sum over all scaled images
  std::vector<std::vector<Image>> rows_;  // one entry per title; a blank cell has width 0
};

}  // namespace sapiens

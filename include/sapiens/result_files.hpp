#pragma once

#include <cstdint>
#include <filesystem>
#include <span>

#include "sapiens/labels.hpp"
#include "sapiens/results.hpp"
#include "sapiens/tensor_view.hpp"

namespace sapiens {

// Results in file formats of other programs. What is written gets a temporary name in the same
// folder and is renamed; writers throw `Error`: InvalidArgument for results that do not add up,
// WriteFailed, OutOfResources.

/// A PNG with a palette, whose pixel values are the class ids. Its colours are those of
/// `draw_segmentation`.
void write_class_png(const std::filesystem::path& path, const Segmentation& segmentation,
                     const SegClassSet* set = nullptr);

/// Reads class ids back: the values that a PNG with a palette or in grey stores, of 8 bits or
/// fewer, whatever colours they have. Its `classes` are one more than the largest id there is. EXIF
/// orientation is not applied. Throws `Error`: NotFound, CorruptFile, UnsupportedFormat for other
/// files, colours and depths.
Segmentation read_class_png(const std::filesystem::path& path);

/// What the values 1 and 65535 of a depth PNG stand for; both 0 where no pixel has a depth.
struct DepthRange {
  float nearest = 0, farthest = 0;
};

/// A grey PNG of 16 bits: 1 for the nearest to 65535 for the farthest depth under `mask` (as in
/// `draw_depth`), 0 for pixels that are not under it or have no finite depth. Texts in the file,
/// `depth_nearest` and `depth_farthest`, hold the range that is returned:
///
///   depth = nearest + (value - 1) / 65534 * (farthest - nearest)
DepthRange write_depth_png(const std::filesystem::path& path, TensorView<const float, 2> depth,
                           std::span<const std::uint8_t> mask = {});

/// An OpenEXR file of depths [H, W]: one float32 channel, "Z".
void write_depth_exr(const std::filesystem::path& path, TensorView<const float, 2> depth);

/// An OpenEXR file of normals [H, W, 3]: x, y, z as the float32 channels "R", "G", "B", from -1 to
/// 1, which every program that reads EXR shows.
void write_normals_exr(const std::filesystem::path& path, TensorView<const float, 3> normals);

}  // namespace sapiens
